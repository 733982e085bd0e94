"""The uvicorn configuration of `manage.py serve`. tests/realtime_site/test_boot.py runs the command."""

import pytest

from centrifugo_proxy.management.commands.serve import server_config
from realtime_site.serving.http_protocol import HttpProtocol


def test_serve_keeps_idle_connections_for_75_s_and_limits_its_shutdown_to_30_s() -> None:
    config = server_config()

    assert (config.timeout_keep_alive, config.timeout_graceful_shutdown) == (75, 30)


def test_serve_uses_the_http_protocol_class_that_limits_request_heads() -> None:
    config = server_config()
    config.load()

    protocol: type = config.http_protocol_class
    assert protocol is HttpProtocol


def test_serve_runs_one_process_and_ignores_proxy_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")

    config = server_config()

    assert (config.workers, config.proxy_headers, config.ws, config.lifespan) == (1, False, "none", "on")
