"""Parsing the requests of session events, and the data that a backend returned."""

from typing import Any

import orjson
import pytest

from centrifugo_proxy.protocol.answers import Result, render
from centrifugo_proxy.protocol.connect import BadRequest
from centrifugo_proxy.protocol.session_events import EventRequest, data_fields, parse_event


def test_every_field_of_a_session_event_is_read() -> None:
    body = (
        b'{"client":"c","transport":"websocket","protocol":"json","encoding":"json","user":"u","channel":"ch",'
        b'"method":"m","meta":{"a":[1]},"data":{"b": 2},"b64data":"","added":1}'
    )

    request = parse_event(body)

    names = ("client", "transport", "protocol", "encoding", "user", "channel", "method")
    assert [getattr(request, name) for name in names] == ["c", "websocket", "json", "json", "u", "ch", "m"]
    assert (bytes(request.meta), request.without_meta) == (b'{"a":[1]}', False)
    assert (request.payload(), request.is_binary) == (b'{"b": 2}', False)


def test_the_fields_of_a_session_event_that_are_not_sent_are_empty() -> None:
    request = parse_event(b"{}")

    assert request == EventRequest()
    assert (request.payload(), request.without_meta, request.is_binary) == (b"", True, False)


@pytest.mark.parametrize("unused", [b"1", b'"\\ud800"'], ids=["parsed", "split"])
def test_the_last_of_two_equal_keys_counts(unused: bytes) -> None:
    request = parse_event(b'{"user":"first","meta":{"a":1},"unused":' + unused + b',"user":"last","meta":{"a":2}}')

    assert (request.user, bytes(request.meta)) == ("last", b'{"a":2}')


def test_a_null_meta_counts_as_absent() -> None:
    assert parse_event(b'{"meta": null}').without_meta


@pytest.mark.parametrize(
    ("body", "payload", "binary"),
    [
        (b'{"b64data":"/wA="}', b"\xff\x00", True),
        (b'{"encoding":"binary"}', b"", True),
        (b'{"encoding":"binary","b64data":"YQ=="}', b"a", True),
        (b'{"b64data":"YQ==","data":1}', b"a", True),
        (b'{"data":null}', b"null", False),
    ],
)
def test_the_payload_is_the_decoded_b64data_or_the_data_as_written(body: bytes, payload: bytes, binary: bool) -> None:
    request = parse_event(body)

    assert (request.payload(), request.is_binary) == (payload, binary)


@pytest.mark.parametrize("b64data", ["?", "YQ", "YQ=", "Y Q==", "YQ==\n", "é", "\ud7ff", "-_==", "="])
def test_malformed_base64_is_a_bad_request(b64data: str) -> None:
    request = parse_event(orjson.dumps({"b64data": b64data}))

    with pytest.raises(BadRequest, match=r"^b64data is not base64$"):
        request.payload()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"user":7}', b"\xff", b"[" * 100_000])
def test_a_bad_request_is_described_without_its_content(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the body is not a request of a session event$"):
        parse_event(body)


@pytest.mark.parametrize("name", ["data", "meta", "unknown"])
def test_a_request_may_have_at_most_two_thousand_nested_levels(name: str) -> None:
    def nested(levels: int) -> bytes:
        return b'{"user":"1","%s":%s%s}' % (name.encode(), b"[" * (levels - 1), b"]" * (levels - 1))

    assert parse_event(nested(2000)).user == "1"
    for levels in (2001, 9_000, 30_000):
        with pytest.raises(BadRequest):
            parse_event(nested(levels))


@pytest.mark.parametrize(
    "name", ["client", "transport", "protocol", "encoding", "user", "channel", "method", "b64data"]
)
@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_a_text_field_of_another_type_is_a_bad_request(name: str, value: Any) -> None:
    with pytest.raises(BadRequest):
        parse_event(orjson.dumps({name: value}))


@pytest.mark.parametrize(
    ("data", "rendered"),
    [
        (b"1e999", b'{"result":{"data":1e999}}'),
        (b'{"a":1, "a":2}', b'{"result":{"data":{"a":1, "a":2}}}'),
        (b"[\r\n]", b'{"result":{"data":[ \n]}}'),
        (b"", b'{"result":{}}'),
    ],
)
def test_json_is_rendered_unchanged_except_for_carriage_returns(data: bytes, rendered: bytes) -> None:
    assert render(Result(data_fields(data, EventRequest()))) == rendered


def test_binary_data_is_rendered_as_base64() -> None:
    assert render(Result(data_fields(b"\xff\r", EventRequest(encoding="binary")))) == b'{"result":{"b64data":"/w0="}}'


@pytest.mark.parametrize("data", [b" ", b"{}x", b"\xff", b'"\xff"', b"NaN", b"[" * 100_000])
def test_data_that_is_not_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="the data is not JSON"):
        data_fields(data, EventRequest())
