"""Data that Centrifugo passes on although strict parsers refuse it.

A request fails only if a field that the service uses is affected.
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.protocol.connect import BadRequest, parse_connect
from centrifugo_proxy.protocol.session_events import parse_event

# JSON that Go accepts in a client's data. Examples: half a surrogate pair, bytes that are not UTF-8, huge numbers.
ODD_TEXT = st.lists(
    st.sampled_from([b"a", b"\\ud83d", b"\\udc00\\ud800", b"\\u0000", b"\xff", b"\xed\xa0\x80", b"\xc3", "é".encode()])
).map(lambda parts: b'"' + b"".join(parts) + b'"')
ODD = st.recursive(
    ODD_TEXT | st.sampled_from([b"1e999", b"-1E-999", b"0", b"null", b"true", b"9" * 400, b"[[[[[]]]]]"]),
    lambda values: (
        st.lists(values, max_size=3).map(lambda items: b"[" + b", ".join(items) + b"]")
        | st.lists(st.tuples(ODD_TEXT, values), max_size=3).map(
            lambda pairs: b"{" + b",".join(name + b" :" + value for name, value in pairs) + b"}"
        )
    ),
    max_leaves=6,
)
FACTS = b'"client":"c-1","transport":"websocket","protocol":"json"'


@given(ODD, ODD, ODD)
def test_a_ticket_is_read_whatever_the_other_fields_contain(before: bytes, after: bytes, unknown: bytes) -> None:
    data = b'{"before":' + before + b',"token":"t-1","after":' + after + b"}"

    plain = parse_connect(b'{"new":' + unknown + b"," + FACTS + b',"data":' + data + b"}")
    binary = parse_connect(b"{" + FACTS + b',"b64data":"' + base64.b64encode(data) + b'"}')

    assert plain == binary == ("c-1", "websocket", "json", "t-1", "")


@given(ODD)
def test_data_without_a_ticket_is_an_invalid_ticket_and_not_a_bad_request(data: bytes) -> None:
    request = parse_connect(b"{" + FACTS + b',"data":' + data + b"}")

    assert (request.ticket, request.problem != "") == (None, True)


@given(ODD)
def test_a_ticket_with_odd_content_is_either_invalid_or_valid_text(written: bytes) -> None:
    ticket = parse_connect(b'{"data":{"token":' + written + b"}}").ticket

    assert ticket is None or ticket.encode().decode() == ticket


@given(ODD, ODD)
def test_a_session_event_is_read_whatever_its_data_and_unknown_fields_contain(data: bytes, unknown: bytes) -> None:
    body = b'{"new":' + unknown + b',"user":"u-1","channel":"a:b","method":"m","meta":{"x":1},"data":' + data + b"}"

    request = parse_event(body)

    assert (request.user, request.channel, request.method, bytes(request.meta)) == ("u-1", "a:b", "m", b'{"x":1}')
    assert bytes(request.data).strip() == data


@pytest.mark.parametrize("body", [b'{"client":"\\ud800","data":{"token":"t"}}', b'{"client":"\xff","data":{}}'])
def test_a_field_that_centrifugo_sets_is_a_bad_request_if_it_is_not_text(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_connect(body)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{}", "there is no data"),
        (b'{"data":null}', "there is no data"),
        (b'{"data":"secret"}', "data is a string"),
        (b'{"data":[1]}', "data is an array"),
        (b'{"data":{}}', "data has no token; its fields: none"),
        (b'{"data":{"ticket":"secret","b":1}}', "data has no token; its fields: ticket, b"),
        (b'{"data":{"Zm9vYmFyYmF6cXV4LXNlY3JldA0123456789":1,"a":2}}', "data has no token; its fields: a, 1 more"),
        (b'{"data":{"token":null}}', "data.token is null"),
        (b'{"data":{"token":7}}', "data.token is a number"),
        (b'{"data":{"token":true}}', "data.token is a boolean"),
        (b'{"data":{"token":""}}', "data.token is empty"),
        (b'{"data":{"token":"\\ud800"}}', "data.token is not readable"),
        (b'{"data":{"token":"' + b"x" * 4097 + b'"}}', "data.token is longer than 4096 characters"),
        (b'{"b64data":"?"}', "data is not readable"),
    ],
)
def test_the_problem_with_a_ticket_is_described_by_types_and_names_without_values(body: bytes, problem: str) -> None:
    assert parse_connect(body).problem == problem
