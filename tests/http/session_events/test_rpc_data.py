"""rpc: data is passed on unchanged in both directions. Only carriage returns in a JSON answer become spaces."""

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.protocol.session_events import EventRequest, data_fields, parse_event
from tests.harness.backends import returns, rpc_backend
from tests.harness.bodies import INTERNAL_ERROR
from tests.harness.examples import examples
from tests.http.session_events.asking import BINARY, OPEN, ask, body_of, event_body, service_with_policy

ODD = [
    b"0", b"-0", b"1.0", b"1E+2", b"1e-999", b"1e999", b"0.1000000000000000055511151231257827",
    b"12345678901234567890123",
    b"9" * 400, b"true", b"null", b'""', b'"\\u00e9\\/\\u0000"', '"é🦊"'.encode(), b'"\\ud83e\\udd8a"', b'"<&>\'"',
    b'{"a":1,"a":2}', b'{"b":1,"a":2}', b'{"":{}}', b"[]", b"{ \"a\" : [ 1 ,\t2 ] }", b'[\n  1,\n  "x\\ny"\n]',
    b"[" * 300 + b"]" * 300, '"\u2028\u2029\x7f\ufeff"'.encode(),
]  # fmt: skip


def ids(data: Any) -> str:
    return repr(data)[:30]


@pytest.mark.parametrize("data", ODD, ids=ids)
async def test_a_clients_data_reaches_the_backend_byte_for_byte(data: bytes) -> None:
    marked = orjson.dumps(event_body(method="diary.list", data="DATA"))

    async with rpc_backend() as diary, service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running:
        await running.http.post("/centrifugo/rpc", content=marked.replace(b'"DATA"', data))

    assert [call.data for call in diary.calls] == [data]


@pytest.mark.parametrize("data", ODD, ids=ids)
async def test_a_backends_data_reaches_centrifugo_byte_for_byte(data: bytes) -> None:
    async with (
        rpc_backend(returns(data)) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        response = await ask(running, "rpc", method="diary.list")

    assert (response.status_code, response.content) == (200, b'{"result":{"data":' + data + b"}}")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[\r\n1,\r\n2]\r\n", b"[ \n1, \n2] \n"),
        (b"\r1", b" 1"),
        (b'{"a":\r"\\r"}', b'{"a": "\\r"}'),
    ],
)
async def test_a_carriage_return_between_tokens_becomes_a_space(data: bytes, expected: bytes) -> None:
    """Centrifugo removes line feeds, but a carriage return would end the frame of a client on server-sent events."""
    async with (
        rpc_backend(returns(data)) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        response = await ask(running, "rpc", method="diary.list")

    assert response.content == b'{"result":{"data":' + expected + b"}}"


@pytest.mark.parametrize(
    "data",
    [
        b" ", b"\n", b"{", b"}", b'{"a":1}}', b"1 2", b"{}{}", b'{"a":1},"error":{"code":1}', b"01", b"1.", b"+1",
        b".5", b"NaN", b"Infinity", b"nul", b"'a'", b'"a', b'"a\nb"', b'"\x01"', b'"\\x"', b'"\\u12"',
        b'"\xff"', b'"\xed\xa0\x80"',
        b'"\\ud800"', b"\xef\xbb\xbf1", b"[1,]", b"{1:2}", b'{"a"}', b"// 1\n1",
        b"[" * 100_000 + b"]" * 100_000, b"[" * 100_000,
        '{"a":1}'.encode("utf-16"), b"\x00", b"<html>",
    ],
    ids=ids,
)  # fmt: skip
async def test_an_answer_that_is_not_json_is_an_internal_error(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        rpc_backend(returns(data)) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        response = await ask(running, "rpc", method="diary.list")

    assert (response.status_code, response.json()) == (500, {"error": {"code": 100, "message": "internal error"}})
    (error,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert error.getMessage() == "centrifugo.rpc failed with an internal error"


async def test_an_empty_answer_of_a_backend_stays_empty() -> None:
    async with (
        rpc_backend(returns(b"")) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        body = await body_of(running, "rpc", method="diary.list")

    assert body == {"result": {}}


async def test_a_call_without_data_reaches_the_backend_without_data() -> None:
    async with rpc_backend() as diary, service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running:
        await body_of(running, "rpc", method="diary.list")

    assert [call.data for call in diary.calls] == [b""]


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", b"no json", b'{"a":1}', bytes(range(256)) * 20], ids=ids)
async def test_any_binary_data_passes_in_both_directions(data: bytes) -> None:
    b64data = base64.b64encode(data).decode()

    async with (
        rpc_backend(returns(data)) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        body = await body_of(running, "rpc", method="diary.list", b64data=b64data, **BINARY)

    assert [call.data for call in diary.calls] == [data]
    assert body == {"result": {"b64data": b64data}}


async def test_binary_data_with_invalid_base64_reaches_no_backend() -> None:
    async with rpc_backend() as diary, service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running:
        response = await ask(running, "rpc", method="diary.list", encoding="binary", b64data="é")

    assert (response.status_code, response.json()) == (400, {"error": {"code": 107, "message": "bad request"}})
    assert diary.calls == []


@pytest.mark.parametrize(
    ("data", "passed_on"),
    [(b'{"a":\r\n1}', b'{"a": \n1}'), (b"", b""), (b"\x00\xff", None), (b"{}{}", None), (b'"\\ud800"', None)],
)
async def test_data_in_base64_for_a_client_that_uses_the_json_protocol_must_be_json(
    data: bytes, passed_on: bytes | None
) -> None:
    sent = {**BINARY, "protocol": "json", "b64data": base64.b64encode(b"{}").decode()}

    async with (
        rpc_backend(returns(data)) as diary,
        service_with_policy(OPEN, RPC_BACKENDS={"diary": diary.address}) as running,
    ):
        response = await ask(running, "rpc", method="diary.list", **sent)

    expected = INTERNAL_ERROR if passed_on is None else {"result": {"b64data": base64.b64encode(passed_on).decode()}}
    assert (response.status_code, response.json()) == (500 if passed_on is None else 200, expected)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
SPACE = st.sampled_from(["", " ", "\n", "\t", " \n "])
STRINGS = st.text(max_size=8).map(lambda text: orjson.dumps(text).decode())
TEXTS = st.recursive(
    st.one_of(st.sampled_from(["true", "false", "null", '"\\u00e9"', '"\\/"']), NUMBERS, STRINGS),
    lambda inner: st.one_of(
        st.tuples(SPACE, st.lists(inner, max_size=4)).map(
            lambda both: f"[{both[0]}" + f",{both[0]}".join(both[1]) + "]"
        ),
        st.tuples(SPACE, st.lists(st.tuples(STRINGS, inner), max_size=4)).map(
            lambda both: "{" + ",".join(f"{key}:{both[0]}{value}" for key, value in both[1]) + "}"
        ),
    ),
    max_leaves=8,
)


@given(text=TEXTS)
@examples(300)
def test_json_without_carriage_returns_is_passed_on_unchanged(text: str) -> None:
    data = text.encode()

    request = parse_event(b'{"method":"m", "data":' + data + b"}")

    assert request.payload() == data
    assert orjson.dumps(data_fields(data, EventRequest())) == b'{"data":' + data + b"}"


@given(data=st.one_of(st.binary(max_size=30), TEXTS.map(str.encode), st.text(max_size=20).map(str.encode)))
@examples(400)
def test_the_answer_to_centrifugo_is_one_json_object_for_any_accepted_data_of_a_backend(data: bytes) -> None:
    try:
        rendered = orjson.dumps({"result": data_fields(data, EventRequest())})
    except ValueError:
        return
    assert b"\r" not in rendered
    assert set(parse_result(rendered)) <= {"data"}


def parse_result(rendered: bytes) -> dict[str, Any]:
    """The result, read by another parser. Numbers stay text, because Python's floats cannot hold all of them."""
    parsed: dict[str, Any] = json.loads(rendered, parse_int=str, parse_float=str)
    assert list(parsed) == ["result"]
    result: dict[str, Any] = parsed["result"]
    return result
