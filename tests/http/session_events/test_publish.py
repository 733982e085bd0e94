"""publish: limits in bytes, history, and the screen time lock."""

import base64
from typing import Any

import orjson
import pytest

from tests.http.session_events.asking import (
    BINARY,
    DEGRADED,
    LOCKS,
    body_of,
    event_body,
    forbidden,
    meta,
    service_with_policy,
)

POLICY = """
[[channels]]
match = "limited:*"
allow = ["publish"]
max_publish_bytes = 8

[[channels]]
match = "free:*"
allow = ["publish"]

[[channels]]
match = "typing:*"
allow = ["publish"]
skip_history = true
max_publish_bytes = 8
"""
ALLOWED: dict[str, Any] = {"result": {}}
TOO_LARGE = {"error": {"code": 413, "message": "data is larger than the limit of 8 bytes"}}


async def published(data: bytes, channel: str = "limited:1") -> Any:
    """The answer to a publication with this JSON, byte for byte, as `data`."""
    marked = orjson.dumps(event_body(channel=channel, data="DATA"))
    async with service_with_policy(POLICY) as running:
        response = await running.http.post("/centrifugo/publish", content=marked.replace(b'"DATA"', data))
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'"123456"', ALLOWED),
        (b'"1234567"', TOO_LARGE),
        (b"12345678", ALLOWED),
        (b"123456789", TOO_LARGE),
        ('"ééé"'.encode(), ALLOWED),
        ('"éééé"'.encode(), TOO_LARGE),
        ('"🦊é"'.encode(), ALLOWED),
        ('"🦊🦊"'.encode(), TOO_LARGE),
        (b'"\\u00e9"', ALLOWED),
        (b'"\\u00e9x"', TOO_LARGE),
        (b'{"a": 1}', ALLOWED),
        (b'{"a":  1}', TOO_LARGE),
        (b"[1,\r\n  2]", TOO_LARGE),
        (b"[1,\n 2]", ALLOWED),
        (b"{}", ALLOWED),
        (b"null", ALLOWED),
        (b'"12345\\""', TOO_LARGE),
    ],
)
async def test_a_limit_counts_the_bytes_of_the_data_as_they_were_sent(data: bytes, expected: Any) -> None:
    assert await published(data) == expected


@pytest.mark.parametrize("data", [b'   "123456"   ', b'\n\t"123456"\r\n'])
async def test_white_space_around_the_data_does_not_count(data: bytes) -> None:
    assert await published(data) == ALLOWED


async def test_a_publication_without_data_is_within_every_limit() -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "publish", channel="limited:1")

    assert body == ALLOWED


@pytest.mark.parametrize(("size", "expected"), [(0, ALLOWED), (8, ALLOWED), (9, TOO_LARGE)])
async def test_a_limit_counts_the_decoded_bytes_of_binary_data(size: int, expected: Any) -> None:
    b64data = base64.b64encode(b"\xff" * size).decode()

    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "publish", channel="limited:1", b64data=b64data, **BINARY)

    assert body == expected


@pytest.mark.parametrize("b64data", ["not base64!", "YQ", "é", "\x00", "YQ==YQ==!"])
async def test_binary_data_with_invalid_base64_is_a_bad_request(b64data: str) -> None:
    async with service_with_policy(POLICY) as running:
        response = await running.http.post(
            "/centrifugo/publish", json=event_body(channel="free:1", b64data=b64data, **BINARY)
        )

    assert (response.status_code, response.json()) == (400, {"error": {"code": 107, "message": "bad request"}})


async def test_without_a_limit_only_the_body_limit_applies() -> None:
    assert await published(b'"%s"' % (b"x" * 60_000), "free:1") == ALLOWED


async def test_the_answer_to_a_refused_publisher_does_not_name_the_limit() -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "publish", channel="limited:1", meta=meta(degraded=True), data="x" * 100)

    assert body == DEGRADED


async def test_a_rule_can_keep_publications_out_of_history() -> None:
    assert await published(b"1", "typing:1") == {"result": {"skip_history": True}}


async def test_a_publication_that_is_too_large_is_refused_even_if_it_is_not_kept_in_history() -> None:
    assert await published(b'"1234567"', "typing:1") == TOO_LARGE


@pytest.mark.parametrize("event", ["publish", "rpc"])
@pytest.mark.parametrize("lock", LOCKS)
async def test_the_screen_time_lock_refuses_every_publish_and_rpc(event: str, lock: str) -> None:
    policy = """
        [[channels]]
        match = "free:*"
        allow = ["subscribe", "publish"]
        sensitive = false

        [[rpc]]
        match = "*"
        backend = "any"
        sensitive = false
    """

    async with service_with_policy(policy, RPC_BACKENDS={"any": "127.0.0.1:1"}) as running:
        locked = await body_of(running, event, channel="free:1", method="any", meta=meta(lock))
        subscribed = await body_of(running, "subscribe", channel="free:1", meta=meta(lock))

    assert (locked == forbidden("locked: screen time")) == (lock == "screen_time_lock")
    assert subscribed == ALLOWED


@pytest.mark.parametrize("data", [b'"\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b"[" * 501 + b"]" * 501])
async def test_data_that_some_clients_cannot_read_is_refused_and_the_connection_stays(data: bytes) -> None:
    """Centrifugo would publish such data: Go accepts it, but other parsers fail on it."""
    marked = orjson.dumps(event_body(channel="free:1", data="DATA"))

    async with service_with_policy(POLICY) as running:
        response = await running.http.post("/centrifugo/publish", content=marked.replace(b'"DATA"', data))

    message = "the data is not JSON that every client can read"
    assert (response.status_code, response.json()) == (200, {"error": {"code": 400, "message": message}})


@pytest.mark.parametrize(
    ("data", "readable"),
    [(b'{"a":1}', True), (b"1e5", True), (b'"\\ud800"', False), (b"\xff", False), (b"nope", False), (b"1 2", False)],
)
@pytest.mark.parametrize("protocol", ["json", "protobuf"])
async def test_data_in_base64_must_be_json_if_the_publisher_uses_the_json_protocol(
    data: bytes, readable: bool, protocol: str
) -> None:
    sent = {**BINARY, "protocol": protocol, "b64data": base64.b64encode(data).decode()}

    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "publish", channel="free:1", **sent)

    message = "the data is not JSON that every client can read"
    refused = {"error": {"code": 400, "message": message}}
    assert body == (ALLOWED if readable or protocol == "protobuf" else refused)


@pytest.mark.parametrize("data", [b"01", b"NaN", b"[1,]", b"{'a':1}", b""])
async def test_data_that_is_not_json_is_a_bad_request(data: bytes) -> None:
    marked = orjson.dumps(event_body(channel="free:1", data="DATA"))

    async with service_with_policy(POLICY) as running:
        response = await running.http.post("/centrifugo/publish", content=marked.replace(b'"DATA"', data))

    assert (response.status_code, response.json()) == (400, {"error": {"code": 107, "message": "bad request"}})
