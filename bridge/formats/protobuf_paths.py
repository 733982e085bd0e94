"""Looks up paths of the routes file in the descriptor of a Protobuf message."""

from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from bridge.formats.protobuf_json import well_known

_ANY_FIELDS: Final = frozenset({"google.protobuf.Struct", "google.protobuf.Value"})


def has_path(message: Descriptor, names: tuple[str, ...]) -> bool:
    """True if the JSON object of a message of this type can have a value under these names."""
    if not names or message.full_name in _ANY_FIELDS:
        return True
    field = None if well_known(message.full_name) else message.fields_by_name.get(names[0])
    return field is not None and _has_inside(field, names[1:])


def _has_inside(field: FieldDescriptor, names: tuple[str, ...]) -> bool:
    if not names:
        return True
    inside = field.message_type
    if inside is None:
        return False
    if inside.GetOptions().map_entry:  # the next name is a key
        return _has_inside(inside.fields_by_name["value"], names[1:])
    return not field.is_repeated and has_path(inside, names)
