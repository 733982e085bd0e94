"""Arbitrary bytes: memory and time stay bounded, answers are complete, and the next client is served.

With LONG_TESTS=1 it sends 50,000 byte strings, times the environment variable EXAMPLES.
"""

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.examples import scaled
from tests.harness.processes import Process, serving_from_cold
from tests.harness.raw_socket import open_sockets, raw_socket, rss_kib

pytestmark = [pytest.mark.processes]

EXAMPLES = 50_000 if os.environ.get("LONG_TESTS") else 300
SECONDS = 10.0  # for one example, on a busy machine; the service itself takes milliseconds
GROWTH_KIB = 20_000  # by how much a process of 70 MiB may grow
GOOD = b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n"


def some(*values: bytes, other: int) -> st.SearchStrategy[bytes]:
    """One of these values, or up to `other` arbitrary bytes."""
    return st.sampled_from(values) | st.binary(max_size=other)


methods = some(b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"PRI", b"BREW", b"get", b"", other=4)
targets = some(
    b"/health/live", b"/centrifugo/connect", b"*", b"/%2F", b"http://a/health", b"a:1", b"/?" + b"a=b&" * 50, other=20
)  # fmt: skip
versions = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.9", b""])
fields = some(
    b"Host: service", b"Host: other", b"Host:", b"Connection: close", b"Connection: keep-alive",
    b"Expect: 100-continue", b"Connection: Upgrade", b"Upgrade: h2c", b"Upgrade: websocket",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Content-Length: 5", b"Content-Length: 0",
    b"Content-Length: -1", b"Content-Length: 99999999999999", b"Content-Length: 5, 5", b"Trailer: a",
    b"X: " + b"x" * 3000, b" folded", b"no colon", b"a: \x00", b"\xff: \xff", other=20,
)  # fmt: skip
ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])
bodies = some(
    b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\nX-T: t\r\n\r\n", b"5;ext=" + b"x" * 2000 + b"\r\nhello\r\n",
    b"fffffffffffffffff\r\n", b"1\r\nx\r\n" * 300, b'{"data":{"token":"t"}}', b"\r\n" * 40, other=30,
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Bytes that resemble a request, with arbitrary parts."""
    end = draw(ends)
    line = b" ".join((draw(methods), draw(targets), draw(versions)))
    return end.join([line, *draw(st.lists(fields, max_size=6)), b"", draw(bodies)])


streams = st.lists(requests() | st.just(GOOD) | st.binary(max_size=60) | st.just(b"\r\n"), min_size=1, max_size=4).map(
    b"".join
)
RESPONSE = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[a-z-]+: [^\r\n]*\r\n)*)\r\n")


def responses(answer: bytes, *, heads: bool) -> list[int]:
    """The statuses of the responses in `answer`, which must be complete. Responses to HEAD have no body."""
    found = []
    while answer:
        head = RESPONSE.match(answer)
        assert head is not None, answer[:200]
        status, fields = int(head[1]), head[2]
        length = re.search(rb"^content-length: (\d+)\r$", fields, re.MULTILINE)
        answer = answer[head.end() :]
        body = answer[: int(length[1])] if length else b""
        if heads and not (length and len(body) == int(length[1]) and not body.startswith(b"HTTP/")):
            body = b""
        assert not length or heads or len(body) == int(length[1])
        answer = answer[len(body) :]
        found.append(status)
    return found


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with serving_from_cold(CENTRIFUGO_PROXY_TOKEN="a-made-up-token", LOG_LEVEL="error") as process:
        yield process


def test_arbitrary_bytes_are_answered_or_refused_and_the_next_client_is_served(process: Process) -> None:
    memory: list[int] = []

    with raw_socket(process) as other:

        @settings(max_examples=scaled(EXAMPLES), deadline=None, suppress_health_check=list(HealthCheck))
        @given(streams, st.lists(st.integers(0, 400), max_size=3), st.booleans())
        def check(stream: bytes, cuts: list[int], half_closed: bool) -> None:
            started = time.monotonic()
            with raw_socket(process) as client:
                for part in parts_of(stream, cuts):
                    client.send(part)
                if half_closed:
                    with suppress(OSError):  # the service may have closed already
                        client.socket.shutdown(socket.SHUT_WR)
                    statuses = responses(client.read_to_end(), heads=b"HEAD" in stream)
                    assert set(statuses) <= {100, 200, 400, 403, 404, 405, 413, 431}
            other.send(GOOD)
            assert other.answer()[0] == 200
            assert time.monotonic() - started < SECONDS
            if len(memory) == 0 or len(memory) % 100 == 99:
                memory.append(rss_kib(process))
            memory.append(memory[-1])

        check()

    assert max(memory) - memory[len(memory) // 10] < GROWTH_KIB
    until = time.monotonic() + 20
    while open_sockets(process) > 20:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert process.terminate() == 0
    assert process.stderr() == ""


def parts_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in parts, cut at these places."""
    places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]
