"""Reads values that are JSON objects, or JSON strings that contain a JSON object."""

from codecs import BOM_UTF8
from typing import Any, Final

import orjson

from bridge.commands import Reason, Record
from bridge.event import Payload
from bridge.formats.reader import Reader, Unreadable

CONTENT_TYPE: Final = "content-type"
_FRAMED: Final = (
    "the value is not JSON: its first byte is zero, as in the records of a schema registry's serializer; "
    'for Protobuf, set format = "protobuf" and framing = "confluent"; Avro is not supported'
)
FRAME_BYTES: Final = 5  # the frame of a schema registry's serializer: a zero byte and the id of the schema


class JsonReader(Reader):
    """`format = "json"`."""

    def read(self, record: Record, value: bytes) -> Payload:
        if record.headers:
            refuse_avro(record)
        return Payload(json_object(value))


def refuse_avro(record: Record) -> None:
    """Raises Unreadable if the content-type of the record is Avro."""
    if "avro" in content_type(record):
        raise Unreadable(Reason.UNSUPPORTED, "the content-type is Avro, which is not supported")


def is_content_type(name: str) -> bool:
    """True for the name of the content-type header. For speed, the length is compared first."""
    return len(name) == len(CONTENT_TYPE) and name.lower() == CONTENT_TYPE


def content_type(record: Record) -> str:
    """The media type from the record's headers, in lower case; "" if there is none."""
    return written_content_type(record).lower()


def written_content_type(record: Record) -> str:
    """The media type from the record's headers, as it is written there; "" if there is none."""
    for name, value in reversed(record.headers):
        if is_content_type(name):
            return (value or b"").decode(errors="replace").strip()
    return ""


def json_object(value: bytes | str) -> dict[str, Any]:
    """The object in `value`. It may be inside a JSON string, as from Debezium's outbox router. Raises Unreadable."""
    parsed = _parsed(value)
    if type(parsed) is str:
        parsed = _parsed(parsed)
    return parsed if type(parsed) is dict else checked_object(parsed)


def checked_object(parsed: Any) -> dict[str, Any]:
    """The parsed value. Raises Unreadable if it is not an object."""
    if not isinstance(parsed, dict):
        raise Unreadable(Reason.NOT_JSON, f"the value is {_KINDS.get(type(parsed), 'null')}, not an object")
    return parsed


_KINDS: Final = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}


def _parsed(value: bytes | str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        if isinstance(value, bytes) and value[:1] == b"\0":
            return _unframed(value)
        problem = "a text that is not JSON" if isinstance(value, str) else "not JSON in UTF-8"
        raise Unreadable(Reason.NOT_JSON, f"{problem}: {_place(value, error)}") from None


def _unframed(value: bytes) -> Any:
    """The JSON in the frame that a schema registry's serializer for JSON Schema writes. Raises Unreadable."""
    try:
        return orjson.loads(memoryview(value)[FRAME_BYTES:])
    except orjson.JSONDecodeError:
        raise Unreadable(Reason.NOT_JSON, _FRAMED) from None


def _place(value: bytes | str, error: orjson.JSONDecodeError) -> str:
    """Where the value is not JSON. The parser's message is left out, because it could quote the value."""
    if not value:
        return "it is empty"
    if isinstance(value, bytes) and value.startswith(BOM_UTF8):
        return "it begins with a byte order mark"
    return f"line {error.lineno}, column {error.colno}"
