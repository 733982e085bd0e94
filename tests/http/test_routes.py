"""The accepted paths and methods, and the answers to all others."""

from typing import Any

import orjson
import pytest

from tests.harness.bodies import NOT_IMPLEMENTED
from tests.harness.identity import IdentityStub
from tests.harness.raw_http import raw_client
from tests.harness.service import connect_body, service, uvicorn_service

EVENTS = ["connect", "refresh", "subscribe", "sub_refresh", "publish", "rpc"]
PROBES = ["/health", "/health/live", "/health/ready", "/metrics"]
NOT_FOUND = {"error": {"code": 404, "message": "not found"}}
NOT_ALLOWED = {"error": {"code": 405, "message": "method not allowed"}}


@pytest.mark.parametrize("event", EVENTS[1:])
@pytest.mark.parametrize("content", [b'{"client":"c","user":"u"}', b"{}", b"", b"nonsense"])
async def test_an_event_that_is_not_configured_is_answered_with_501(event: str, content: bytes) -> None:
    async with service() as running:
        response = await running.http.post(f"/centrifugo/{event}", content=content)

    assert (response.status_code, response.json()) == (501, NOT_IMPLEMENTED)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_an_event_accepts_only_post(identity: IdentityStub, event: str, method: str) -> None:
    async with service(identity.address) as running:
        response = await running.http.request(method, f"/centrifugo/{event}", json=connect_body("a-ticket"))

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert method == "HEAD" or response.json() == NOT_ALLOWED
    assert identity.calls == []


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_health_and_metrics_accept_only_get_and_head(path: str, method: str) -> None:
    async with service() as running:
        response = await running.http.request(method, path)

    assert (response.status_code, response.json()) == (405, NOT_ALLOWED)
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/centrifugo",
        "/centrifugo/",
        "/centrifugo/connect/",
        "/centrifugo/Connect",
        "/centrifugo/connect2",
        "//centrifugo/connect",
        "/centrifugo/connect%00",
        "/centrifugo/../centrifugo/connect/x",
        "/health/",
        "/health/live/",
        "/metrics/",
        "/admin/",
        "/%ff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_answered_with_404_and_never_redirected(path: str, method: str) -> None:
    async with service() as running:
        response = await running.http.request(method, path)

    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/health", "application/json"),
        ("/health/live", "application/json"),
        ("/health/ready", "application/json"),
        ("/metrics", "text/plain"),
    ],
)
async def test_health_is_json_and_metrics_are_plain_text(path: str, content_type: str) -> None:
    async with service() as running:
        response = await running.http.get(path)

    assert response.status_code == 200
    assert response.headers["Content-Type"].split(";")[0] == content_type


@pytest.mark.parametrize(
    "options",
    [{"json": connect_body("t")}, {"json": connect_body("")}, {"content": b"nonsense"}],
    ids=["accepted", "refused", "bad"],
)
async def test_an_answer_is_json_with_a_content_length(identity: IdentityStub, options: dict[str, Any]) -> None:
    async with service(identity.address) as running:
        response = await running.http.post("/centrifugo/connect", **options)

    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Length"] == str(len(response.content))


async def test_a_query_string_is_ignored(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        response = await running.http.post("/centrifugo/connect?token=another&x=%ff", json=connect_body("a-ticket"))

    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


async def test_an_unknown_path_is_answered_with_404_even_with_a_malformed_content_type() -> None:
    async with service() as running:
        response = await running.http.get("/nowhere", headers={"Content-Type": "text/plain; x*=nonsense''y"})

    assert (response.status_code, response.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("target", [b"OPTIONS *", b"GET *"])
async def test_a_request_target_that_is_not_a_path_is_answered_with_404(target: bytes, debug: bool) -> None:
    async with uvicorn_service(DEBUG=debug) as running, raw_client(running) as client:
        await client.send(target + b" HTTP/1.1\r\nHost: service\r\n\r\n")

        status, body = await client.answer()

    assert (status, orjson.loads(body)) == (404, NOT_FOUND)
