"""CloudEvents in Kafka's binary and structured modes, with JSON data.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from bridge.commands import Reason, Record
from bridge.event import Payload
from bridge.formats.json_value import (
    JsonReader,
    checked_object,
    content_type,
    is_content_type,
    json_object,
    written_content_type,
)
from bridge.formats.reader import Reader, Unreadable

STRUCTURED: Final = "application/cloudevents+json"
ANY_CLOUDEVENT: Final = "application/cloudevents"
PREFIX: Final = "ce_"
VERSION_HEADER: Final = f"{PREFIX}specversion"
REQUIRED: Final = ("id", "source", "type")
_VERSION: Final = re.compile(r"1\.[0-9]+")
_JSON: Final = re.compile(r"(?:[a-z0-9!#$&^_.+-]+/)?(?:[a-z0-9!#$&^_.+-]+\+)?json[ \t]*(?:;.*)?", re.DOTALL)


class CloudEventsReader(Reader):
    """`format = "cloudevents"`: refuses records that are not CloudEvents."""

    def read(self, record: Record, value: bytes) -> Payload:
        kind = content_type(record)
        if kind.startswith(STRUCTURED):
            return _structured(value)
        if kind.startswith(ANY_CLOUDEVENT):
            raise Unreadable(Reason.UNSUPPORTED, f"the content-type is that of a CloudEvent, but not {STRUCTURED}")
        if _is_binary(record):
            return _binary(record, value, kind)
        raise Unreadable(
            Reason.NOT_CLOUDEVENTS, f"the record has neither a header ce_specversion nor the content-type {STRUCTURED}"
        )

    def is_event_without_value(self, record: Record) -> bool:
        # In binary mode, an event without data is a record without a value.
        return _is_binary(record) and not content_type(record).startswith(ANY_CLOUDEVENT)

    def has_attributes(self) -> bool:
        return True


class AutoReader(Reader):
    """`format = "auto"`: reads a record as a CloudEvent if its headers say so, otherwise as JSON."""

    def __init__(self) -> None:
        self._cloudevents = CloudEventsReader()
        self._json = JsonReader()

    def read(self, record: Record, value: bytes) -> Payload:
        for name, _ in record.headers:
            if name == VERSION_HEADER or is_content_type(name):
                return self._as_headers_say(record, value)
        return Payload(json_object(value))

    def _as_headers_say(self, record: Record, value: bytes) -> Payload:
        is_event = _is_binary(record) or content_type(record).startswith(ANY_CLOUDEVENT)
        return (self._cloudevents if is_event else self._json).read(record, value)

    def is_event_without_value(self, record: Record) -> bool:
        return self._cloudevents.is_event_without_value(record)

    def has_attributes(self) -> bool:
        return True


def _is_binary(record: Record) -> bool:
    return any(name == VERSION_HEADER for name, _ in record.headers)


def _binary(record: Record, value: bytes, kind: str) -> Payload:
    written = {name.removeprefix(PREFIX): _decoded(text) for name, text in record.headers if name.startswith(PREFIX)}
    attributes = _present(written)
    if kind:  # datacontenttype is the only attribute that does not come from a ce_ header
        attributes["datacontenttype"] = written_content_type(record)
    _check(attributes)
    _check_data_type(kind)
    return Payload(json_object(value) if value else {}, attributes)


def _decoded(text: bytes | None) -> str | None:
    try:
        return None if text is None else text.decode()
    except UnicodeDecodeError:
        raise Unreadable(Reason.NOT_CLOUDEVENTS, "a ce_ header is not text in UTF-8") from None


def _present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes without those that are null: null is the same as absent."""
    return {name: value for name, value in attributes.items() if value is not None}


def _structured(value: bytes) -> Payload:
    attributes = _present(json_object(value))
    data, encoded = attributes.pop("data", None), attributes.pop("data_base64", None)
    _check(attributes)
    if encoded is not None:
        if data is not None:
            raise Unreadable(Reason.NOT_CLOUDEVENTS, "data and data_base64 are both present")
        return Payload(_decoded_data(encoded, attributes), attributes)
    if data is None:
        return Payload({}, attributes)
    _check_data_type(attributes.get("datacontenttype"))
    return Payload(json_object(data) if isinstance(data, str) else checked_object(data), attributes)


def _decoded_data(text: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    _check_data_type(attributes.get("datacontenttype"))
    try:
        return json_object(base64.b64decode(text, validate=True))
    except (ValueError, TypeError):
        raise Unreadable(Reason.NOT_CLOUDEVENTS, "data_base64 is not base64") from None


def _check(attributes: Mapping[str, Any]) -> None:
    """Raises Unreadable if `specversion` is not 1.x, or if a required attribute is absent, empty or not a text."""
    version = attributes.get("specversion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise Unreadable(Reason.NOT_CLOUDEVENTS, "specversion is not 1.x")
    for name in REQUIRED:
        value = attributes.get(name)
        if not isinstance(value, str) or not value:
            raise Unreadable(Reason.NOT_CLOUDEVENTS, f"{name} is absent, empty or not a text")


def _check_data_type(kind: Any) -> None:
    """Raises Unreadable if this content type is not JSON. None and "" count as JSON."""
    if kind is None or kind == "":
        return
    if not isinstance(kind, str) or not _JSON.fullmatch(kind.lower()):
        avro = isinstance(kind, str) and "avro" in kind.lower()
        seen = "is Avro, which is not supported" if avro else "is not JSON"
        raise Unreadable(Reason.UNSUPPORTED, f"the data's content type {seen}")
