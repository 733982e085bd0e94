"""JSON values: an object in strict JSON, or a JSON text that contains an object, as Debezium writes it."""

import pytest

from bridge.commands import Poison, Reason
from tests.bridge.given import failed, one_route, outcome_of, publishing, record, sent

TEXT = one_route(publishing("c", 'data = "*"'), 'format = "json"')


def test_an_object_is_read() -> None:
    assert sent(outcome_of(TEXT, record(b' {"a": [1, "\xc3\xa9", null]}\n')))[0]["publish"]["data"] == {
        "a": [1, "é", None]
    }


def test_a_json_text_that_contains_an_object_is_read_as_this_object() -> None:
    outcome = outcome_of(TEXT, record(b'"{\\"id\\": \\"e1\\"}"'))

    assert sent(outcome)[0]["publish"]["data"] == {"id": "e1"}


def test_json_is_read_behind_the_frame_of_a_schema_registrys_serializer() -> None:
    outcome = outcome_of(TEXT, record(b'\0\0\0\1\xc8{"id": "e1"}'))

    assert sent(outcome)[0]["publish"]["data"] == {"id": "e1"}


@pytest.mark.parametrize("value", [b"\0", b"\0\0\0\1\xc8", b"\0\0\0\1\xc8{"])
def test_a_frame_without_json_is_poison(value: bytes) -> None:
    assert failed(outcome_of(TEXT, record(value))).detail.startswith("the value is not JSON: its first byte is zero")


def test_an_event_of_debeziums_outbox_is_routed_by_its_headers() -> None:
    """The value is a JSON text, the id and the type are headers, and the key is the id of the aggregate."""
    text = one_route(
        publishing("family:{@key}", 'fields = ["entry"]\nidempotency = { event = "{@header.id}" }'),
        'where = [{ field = "@header.eventType", equals = "EntryCreated" }]',
    )
    headers = (("id", b"d-1"), ("eventType", b"EntryCreated"))

    outcome = outcome_of(text, record(b'"{\\"entry\\": \\"e1\\", \\"by\\": \\"u1\\"}"', key=b"f1", headers=headers))

    assert sent(outcome) == [{"publish": {"channel": "family:f1", "data": {"entry": "e1"}, "idempotency_key": "d-1"}}]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"", "not JSON in UTF-8: it is empty"),
        (b"{", "not JSON in UTF-8: line 1, column 2"),
        (b'{"a": NaN}', "not JSON in UTF-8: line 1, column 7"),
        (b'{"a": 1e999}', "not JSON in UTF-8: line 1, column 7"),
        (b'{"a": "\xff"}', "not JSON in UTF-8: line 1, column 1"),
        (b'{"a": "\\ud800"}', "not JSON in UTF-8: line 1, column 8"),
        (b"\xef\xbb\xbf{}", "not JSON in UTF-8: it begins with a byte order mark"),
        (b"{} {}", "not JSON in UTF-8: line 1, column 4"),
        (b'{"a":' * 1100, "not JSON in UTF-8: line 1, column 5122"),
        (b"[1]", "the value is a list, not an object"),
        (b"true", "the value is a boolean, not an object"),
        (b"7", "the value is a number, not an object"),
        (b"null", "the value is null, not an object"),
        (b'"x"', "a text that is not JSON: line 1, column 1"),
        (b'""', "a text that is not JSON: it is empty"),
        (b'"\\u0000"', "a text that is not JSON: line 1, column 1"),
        (b'"\\"{}\\""', "the value is a text, not an object"),
        (
            b"\0\0\0\0\1\0\x0a\x02u1",
            "the value is not JSON: its first byte is zero, as in the records of a schema registry's serializer; for "
            'Protobuf, set format = "protobuf" and framing = "confluent"; Avro is not supported',
        ),
    ],
)
def test_a_value_that_is_not_a_json_object_is_poison_and_is_not_quoted(value: bytes, detail: str) -> None:
    assert failed(outcome_of(TEXT, record(value))) == Poison(Reason.NOT_JSON, detail, "entries", None)


@pytest.mark.parametrize("kind", [b"avro/binary", b"application/vnd.apache.avro; x=1", b"Application/AVRO"])
@pytest.mark.parametrize("form", ["json", "auto"])
def test_the_content_type_of_avro_is_refused_with_a_message_about_avro(form: str, kind: bytes) -> None:
    text = TEXT.replace('"json"', f'"{form}"')

    assert failed(outcome_of(text, record(b"{}", headers=(("content-type", kind),)))) == Poison(
        Reason.UNSUPPORTED, "the content-type is Avro, which is not supported", "entries", None
    )
