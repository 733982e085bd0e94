"""The tests' HTTP server."""

import threading
from http.server import BaseHTTPRequestHandler

import pytest

from tests.harness.http_server import http_server


def test_the_servers_thread_ends_even_if_the_test_fails() -> None:
    before = set(threading.enumerate())

    with pytest.raises(ValueError, match="a mistake in the test"), http_server(BaseHTTPRequestHandler):
        raise ValueError("a mistake in the test")

    assert set(threading.enumerate()) <= before
