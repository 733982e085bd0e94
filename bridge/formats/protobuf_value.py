"""Reads Protobuf with a descriptor set that is loaded at startup. A schema registry is never asked.

Fields have their names from the .proto file. 64-bit integers stay numbers, unlike in protobuf's own JSON. Fields that
are not in the descriptor are dropped, so they never reach clients.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from bridge.commands import Reason, Record
from bridge.event import Payload
from bridge.formats.json_value import FRAME_BYTES, refuse_avro
from bridge.formats.protobuf_json import (
    Convert,
    base64_text,
    enum_names,
    float32,
    key_text,
    number_or_text,
    same,
    text,
    well_known,
)
from bridge.formats.protobuf_paths import has_path
from bridge.formats.reader import Reader, Unreadable

_MAGIC: Final = 0
_MAX_VARINT_BYTES: Final = 5
_MAX_INDEXES: Final = 100  # protobuf itself allows messages to be nested this deep


class DescriptorError(ValueError):
    """The descriptor set cannot be used or does not contain the message. The text says what was found."""


class ProtobufReader(Reader):
    """`format = "protobuf"`: reads messages of one type. Raises DescriptorError.

    `confluent` is true if each message is in the frame of Confluent's serializer.
    """

    def __init__(self, descriptor_set: bytes, message: str, *, confluent: bool) -> None:
        self._descriptor = descriptor = _descriptor(descriptor_set, message)
        self._class = GetMessageClass(descriptor)
        self._convert = _Converters().of_message(descriptor)
        self._message = message
        self._indexes = _indexes(descriptor) if confluent else None

    def read(self, record: Record, value: bytes) -> Payload:
        refuse_avro(record)
        if self._indexes is not None:
            value = self._unframed(value, self._indexes)
        try:
            return Payload(self._convert(self._class.FromString(value)))
        except DecodeError:
            hint = ""
            if self._indexes is None and value[:1] == b"\0":
                hint = '; it begins with a zero byte: set framing = "confluent" if a schema registry is used'
            raise Unreadable(Reason.NOT_PROTOBUF, f"the value is not a {self._message}{hint}") from None
        # The value contains a string that is not UTF-8 (proto2), a Timestamp or Duration out of range, NaN or infinity
        # in a Struct, or a FieldMask that JSON cannot express.
        except (ValueError, json_format.Error):
            raise Unreadable(Reason.NOT_PROTOBUF, f"a {self._message} with an invalid text, time or number") from None

    def why_absent(self, names: tuple[str, ...]) -> str:
        if has_path(self._descriptor, names):
            return ""
        return f"{self._message} has no such field; paths use the field names of the .proto file"

    def _unframed(self, value: bytes, indexes: tuple[int, ...]) -> bytes:
        """The value without its frame: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/#wire-format"""
        if value[:1] != bytes([_MAGIC]) or len(value) <= FRAME_BYTES:
            raise Unreadable(
                Reason.NOT_PROTOBUF, "the value has no Confluent frame (a zero byte, a schema id and message indexes)"
            )
        seen, position = _framed_indexes(value, FRAME_BYTES)
        if seen != indexes:
            raise Unreadable(Reason.NOT_PROTOBUF, f"the frame's message indexes are not those of {self._message}")
        return value[position:]


def _descriptor(descriptor_set: bytes, message: str) -> Descriptor:
    pool = DescriptorPool()
    try:
        files = FileDescriptorSet.FromString(descriptor_set).file
        for file in _imports_first(files):
            pool.Add(file)
    except (DecodeError, TypeError, CycleError):
        raise DescriptorError("no valid descriptor set, or a descriptor set without its imports") from None
    if not files:
        raise DescriptorError("a descriptor set without files")
    try:
        return pool.FindMessageTypeByName(message)
    except KeyError:
        raise DescriptorError(f"a descriptor set without the message {message}") from None


def _imports_first(files: Iterable[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """The files, each after those that it imports. protoc writes this order; sets that were joined may not have it."""
    imports = {file.name: set(file.dependency) for file in files}
    order = {name: place for place, name in enumerate(TopologicalSorter(imports).static_order())}
    return sorted(files, key=lambda file: order[file.name])


def _indexes(descriptor: Descriptor) -> tuple[int, ...]:
    """The message's indexes in its file: those of the enclosing messages, outermost first, then its own."""
    parent = descriptor.containing_type
    if parent is not None:
        return (*_indexes(parent), list(parent.nested_types_by_name).index(descriptor.name))
    return (list(descriptor.file.message_types_by_name).index(descriptor.name),)


def _framed_indexes(value: bytes, position: int) -> tuple[tuple[int, ...], int]:
    """The message indexes, and the position of the message. A count of 0 means the first message of the file."""
    count, position = _zigzag(value, position)
    if count == 0:
        return (0,), position
    if not 0 < count <= _MAX_INDEXES:
        raise Unreadable(Reason.NOT_PROTOBUF, "the frame's message indexes are malformed")
    indexes = []
    for _ in range(count):
        index, position = _zigzag(value, position)
        indexes.append(index)
    return tuple(indexes), position


def _zigzag(value: bytes, position: int) -> tuple[int, int]:
    """A signed varint, and the position after it. Raises Unreadable."""
    number = 0
    for shift, byte in enumerate(value[position : position + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), position + shift + 1
    raise Unreadable(Reason.NOT_PROTOBUF, "the frame's message indexes are malformed")


class _Converters:
    """Functions that convert messages to JSON values, one for each type."""

    def __init__(self) -> None:
        self._known: dict[str, Convert] = {}

    def of_message(self, descriptor: Descriptor) -> Convert:
        name = descriptor.full_name
        if name not in self._known:
            # A message may contain its own type, so the functions of its fields are made on first use.
            self._known[name] = well_known(name) or partial(_as_object, self._fields_of(descriptor))
        return self._known[name]

    def _fields_of(self, descriptor: Descriptor) -> "_Fields":
        return _Fields(lambda: (_Field(field, self._of_field(field)) for field in descriptor.fields))

    def _of_field(self, field: FieldDescriptor) -> Convert:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            of_value = self._of_single(entry.fields_by_name["value"])
            return lambda pairs: dict(sorted((key_text(key), of_value(value)) for key, value in pairs.items()))
        single = self._of_single(field)
        return (lambda values: [single(value) for value in values]) if field.is_repeated else single

    def _of_single(self, field: FieldDescriptor) -> Convert:
        if field.message_type is not None:
            return self.of_message(field.message_type)
        if field.enum_type is not None:
            return enum_names(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return base64_text
        if field.type == FieldDescriptor.TYPE_STRING:
            return text
        if field.type == FieldDescriptor.TYPE_FLOAT:
            return float32
        return number_or_text if field.type == FieldDescriptor.TYPE_DOUBLE else same


class _Field:
    """A field and the function for its value."""

    __slots__ = ("convert", "has_presence", "name")

    def __init__(self, field: FieldDescriptor, convert: Convert) -> None:
        self.name = field.name
        self.has_presence = field.has_presence
        self.convert = convert


class _Fields:
    """A message's fields, collected on first use."""

    def __init__(self, gather: Callable[[], Iterator[_Field]]) -> None:
        self._gather = gather
        self._fields: tuple[_Field, ...] | None = None

    def all(self) -> tuple[_Field, ...]:
        if self._fields is None:
            self._fields = tuple(self._gather())
        return self._fields


def _as_object(fields: _Fields, message: Message) -> dict[str, Any]:
    """The message as a JSON object. An unset field is left out if it has presence; otherwise it has its default."""
    return {
        field.name: field.convert(getattr(message, field.name))
        for field in fields.all()
        if not field.has_presence or message.HasField(field.name)
    }
