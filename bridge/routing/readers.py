"""Chooses the reader for the format of each route."""

from collections.abc import Callable
from typing import Final, TypeAlias

from bridge.formats.cloudevents import AutoReader, CloudEventsReader
from bridge.formats.json_value import JsonReader
from bridge.formats.protobuf_value import ProtobufReader
from bridge.formats.reader import Reader
from bridge.routing.section import Section
from bridge.routing.shared import OF_PROTOBUF, PROTOBUF, Shared
from common.os_errors import reason

# Reads the file with this name, which is relative to the folder of the routes file. Raises OSError.
ReadFile: TypeAlias = Callable[[str], bytes]

_MADE_BY_PROTOC: Final = "a file made by protoc --include_imports --descriptor_set_out=… that contains the message"
_UNUSED: Final = JsonReader()  # stand-in for a reader that cannot be made; the file then has a fault


class Readers:
    """Makes readers. Routes with the same format share a reader."""

    def __init__(self, read_file: ReadFile) -> None:
        self._read_file = read_file
        self._made: dict[tuple[str, ...], Reader] = {}

    def choose(self, section: Section, shared: Shared) -> Reader:
        """The reader of this route."""
        for key in OF_PROTOBUF:
            if key in section and shared.format != PROTOBUF:
                section.fault(key, f'{key} with format = "{shared.format}"', f'{key} with format = "{PROTOBUF}"')
        kind: tuple[str, ...] = (shared.format,)
        if shared.format == PROTOBUF:
            kind = (shared.format, shared.descriptor, shared.message, shared.framing)
        if kind not in self._made:
            self._made[kind] = self._make(section, shared)
        return self._made[kind]

    def _make(self, section: Section, shared: Shared) -> Reader:
        match shared.format:
            case "protobuf":
                return self._protobuf(section, shared)
            case "cloudevents":
                return CloudEventsReader()
            case "json":
                return JsonReader()
        return AutoReader()

    def _protobuf(self, section: Section, shared: Shared) -> Reader:
        needed = (
            ("descriptor", shared.descriptor, "identity.binpb"),
            ("message", shared.message, "identity.v1.Closed"),
        )
        for key, value, example in needed:
            if not value and key not in section:
                section.fault(key, "nothing", f'{key} with format = "{PROTOBUF}", such as "{example}"')
        if not shared.descriptor or not shared.message:
            return _UNUSED
        try:
            descriptor_set = self._read_file(shared.descriptor)
            return ProtobufReader(descriptor_set, shared.message, confluent=shared.framing == "confluent")
        except OSError as error:
            section.fault("descriptor", f"a file that cannot be read ({reason(error)})", _MADE_BY_PROTOC)
        except ValueError as error:
            section.fault("descriptor", str(error), _MADE_BY_PROTOC)
        return _UNUSED
