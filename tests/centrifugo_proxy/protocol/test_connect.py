"""Parsing a connect request, and rendering answers."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.protocol import answers
from centrifugo_proxy.protocol.answers import Disconnect, Error, Result
from centrifugo_proxy.protocol.connect import BadRequest, ConnectRequest, parse_connect

FACTS = {"client": "c-1", "transport": "websocket", "protocol": "json", "encoding": "json"}


def body(**fields: Any) -> bytes:
    """A connect request with these fields."""
    return json.dumps({**FACTS, **fields}).encode()


def b64(data: Any) -> str:
    return base64.b64encode(json.dumps(data).encode()).decode()


def test_the_fields_of_a_connect_request_are_read() -> None:
    request = parse_connect(body(data={"token": "a-ticket"}))

    assert request == ConnectRequest("c-1", "websocket", "json", "a-ticket")


def test_absent_fields_of_a_connect_request_are_empty() -> None:
    request = parse_connect(b'{"data": {"token": "a-ticket"}}')

    assert request == ConnectRequest("", "", "", "a-ticket")


def test_unknown_fields_of_a_connect_request_are_ignored() -> None:
    request = parse_connect(body(data={"token": "a-ticket", "v": 2}, headers={"x": ["y"]}, channels=["a"]))

    assert request == ConnectRequest("c-1", "websocket", "json", "a-ticket")


@pytest.mark.parametrize(
    "fields",
    [
        {"b64data": b64({"token": "a-ticket"})},
        {"b64data": b64({"token": "a-ticket"}), "data": None},
        {"b64data": b64({"token": "another"}), "data": {"token": "a-ticket"}},
    ],
    ids=["alone", "data is null", "data replaces b64data"],
)
def test_the_ticket_is_read_from_b64data_if_there_is_no_data(fields: dict[str, Any]) -> None:
    request = parse_connect(body(**fields))

    assert request.ticket == "a-ticket"


@pytest.mark.parametrize(
    "b64data",
    [
        "",
        "not base64!",
        b64({"token": "a-ticket"})[:-3],
        b64({"token": "a-ticket"}) + "\n",
        "ключ",
        b64({"token": 7}),
        b64({"token": ""}),
        b64(["a-ticket"]),
        b64("a-ticket"),
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[" * 5000).decode(),
        7,
        None,
        ["e30="],
    ],
)
def test_b64data_without_a_usable_ticket_is_an_invalid_ticket(b64data: Any) -> None:
    request = parse_connect(body(b64data=b64data))

    assert request.ticket is None


@pytest.mark.parametrize("name", ["client", "transport", "protocol"])
@pytest.mark.parametrize("value", [None, 7, True, [], {}])
def test_a_field_of_the_wrong_type_is_a_bad_request(name: str, value: Any) -> None:
    with pytest.raises(BadRequest, match=f"^{name} is not a string$"):
        parse_connect(body(**{name: value}))


@pytest.mark.parametrize(
    "sent", [b"", b" ", b"null", b"7", b'"a-ticket"', b"[]", b"true", b"{", b"{}{}", b"\xff", b"NaN"]
)
def test_a_body_that_is_not_a_json_object_is_a_bad_request_whose_message_quotes_nothing(sent: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the body is not a JSON object$"):
        parse_connect(sent)


@pytest.mark.parametrize(
    ("answer", "rendered"),
    [
        (Result({"user": "u-1", "expire_at": 5}), b'{"result":{"user":"u-1","expire_at":5}}'),
        (Disconnect(4401, "invalid ticket"), b'{"disconnect":{"code":4401,"reason":"invalid ticket"}}'),
        (Error(100, "internal error"), b'{"error":{"code":100,"message":"internal error"}}'),
        (Error(100, "later", temporary=True), b'{"error":{"code":100,"message":"later","temporary":true}}'),
    ],
)
def test_an_answer_has_exactly_one_branch(answer: answers.Answer, rendered: bytes) -> None:
    assert answers.render(answer) == rendered


@pytest.mark.parametrize("code", [-1, 0, 2999, 5000])
def test_a_disconnect_with_a_code_out_of_range_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"^disconnect code {code} is outside 3000–4999$"):
        answers.disconnect(code, "reason")


@given(st.text(max_size=200))
def test_a_long_reason_is_cut_after_the_last_character_that_fits(reason: str) -> None:
    cut = answers.disconnect(4000, reason).reason

    assert reason.startswith(cut)
    assert len(cut.encode()) <= 123
    assert cut == reason or len(reason[: len(cut) + 1].encode()) > 123
