"""Protobuf values, read with a descriptor set, with and without Confluent's frame."""

import json
import math
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from bridge.commands import Outcome, Poison, Reason
from tests.bridge.formats.descriptors import HERE, descriptor_set, message_class
from tests.bridge.given import failed, faults_of, one_route, outcome_of, publishing, record, sent

SCHEMA_ID = b"\0\0\1\xc8"


def text_for(message: str, framing: str = "none", action: str = "") -> str:
    return one_route(
        action or publishing("c", 'data = "*"'),
        f'format = "protobuf"\ndescriptor = "d.binpb"\nmessage = "test.v1.{message}"\nframing = "{framing}"',
    )


def read_file(name: str) -> bytes:
    older = descriptor_set(HERE / "older.proto")
    return {"d.binpb": descriptor_set(), "old.binpb": older, "empty.binpb": b"", "text.binpb": b'syntax = "proto3";'}[
        name
    ]


def read(value: bytes, message: str = "Event", framing: str = "none") -> Outcome:
    return outcome_of(text_for(message, framing), record(value), read_file)


def data(value: bytes, message: str = "Event", framing: str = "none") -> Any:
    [command] = sent(read(value, message, framing))
    return command["publish"]["data"]


PLAIN = {
    "user_id": "",
    "big": 0,
    "flag": False,
    "raw": "",
    "ratio": 0,
    "kind": "NONE",
    "ids": [],
    "inners": [],
    "by": {},
    "prices": [],
    "counts": {},
}


def test_fields_have_their_proto_names_and_integers_stay_numbers() -> None:
    event = message_class("Event")(user_id="u1", big=2**63 - 1, flag=True, raw=b"\xff", ratio=1.5, kind=1, ids=["a"])
    event.inners.add(x=3)
    event.by[True].x = 4

    assert data(event.SerializeToString()) == {
        "user_id": "u1",
        "big": 2**63 - 1,
        "flag": True,
        "raw": "/w==",
        "ratio": 1.5,
        "kind": "SOME",
        "ids": ["a"],
        "inners": [{"x": 3}],
        "by": {"true": {"x": 4}},
        "prices": [],
        "counts": {},
    }


def test_unset_fields_with_presence_are_absent() -> None:
    assert data(b"") == PLAIN
    assert data(message_class("Event")(nick="", inner={}).SerializeToString()) == {
        **PLAIN,
        "nick": "",
        "inner": {"x": 0},
    }


def test_well_known_types_are_written_as_in_protobufs_json_format() -> None:
    event = message_class("Event")(label={"value": "l"}, blob={"value": b"\xff"}, own={"user_id": "in"}, nothing=0)
    event.at.FromJsonString("2027-01-02T03:04:05Z")
    event.took.FromJsonString("1.5s")
    event.free.update({"a": [1, None, {"b": "c"}]})

    assert data(event.SerializeToString()) == {
        **PLAIN,
        "at": "2027-01-02T03:04:05Z",
        "took": "1.500s",
        "label": "l",
        "blob": "/w==",
        "free": {"a": [1, None, {"b": "c"}]},
        "own": {**PLAIN, "user_id": "in"},
        "nothing": None,
    }


def test_a_float_of_32_bits_has_its_shortest_decimal() -> None:
    largest = 3.4028234663852886e38
    event = message_class("Event")(price=0.1, prices=[16777216, 1 / 3, -1e-7, largest, math.inf], fee={"value": 0.7})

    read_back = data(event.SerializeToString())

    assert (read_back["price"], read_back["fee"]) == (0.1, 0.7)
    assert read_back["prices"] == [16777216, 0.33333334, -1e-07, 3.4028235e38, "Infinity"]


def test_a_condition_compares_a_float_of_32_bits_with_the_number_that_the_producer_wrote() -> None:
    text = text_for("Event").replace(
        "[[routes.actions]]", "where = [{ field = 'price', equals = 0.1 }]\n[[routes.actions]]"
    )

    assert len(sent(outcome_of(text, record(message_class("Event")(price=0.1).SerializeToString()), read_file))) == 1


@pytest.mark.parametrize(
    ("number", "form"), [(42, "42"), (-(2**53), "-9007199254740992"), (1.5, "1.5"), (1e19, "1e+19")]
)
def test_whole_numbers_in_a_struct_are_integers(number: float, form: str) -> None:
    event = message_class("Event")()
    event.free.update({"n": number, "list": [{"n": number}]})

    assert json.dumps(data(event.SerializeToString())["free"]) == f'{{"list": [{{"n": {form}}}], "n": {form}}}'


def test_a_number_in_a_struct_can_be_in_a_channel() -> None:
    event = message_class("Event")()
    event.free["family"] = 7
    text = text_for("Event", action=publishing("family:{free.family}"))

    [command] = sent(outcome_of(text.replace('["id"]', '["user_id"]'), record(event.SerializeToString()), read_file))

    assert command["publish"]["channel"] == "family:7"


def test_keys_of_maps_and_structs_are_sorted_because_protobufs_order_differs_between_processes() -> None:
    names = [f"k{number}" for number in range(40)]
    event = message_class("Event")(counts=dict.fromkeys(names, 1))
    event.free.update(dict.fromkeys(names, True))

    read_back = data(event.SerializeToString())

    assert list(read_back["counts"]) == list(read_back["free"]) == sorted(names)


@pytest.mark.parametrize(
    ("ratio", "text"), [(float("inf"), "Infinity"), (float("-inf"), "-Infinity"), (float("nan"), "NaN")]
)
def test_infinity_and_nan_become_texts(ratio: float, text: str) -> None:
    assert data(message_class("Event")(ratio=ratio).SerializeToString())["ratio"] == text


def test_a_field_that_the_descriptor_does_not_know_reaches_no_client() -> None:
    more = message_class("Zeta")(user_id="u1").SerializeToString() + b"\x92\x3f\x06secret"

    assert data(more, "Zeta") == {"user_id": "u1"}


def test_an_enum_value_with_aliases_has_its_first_name() -> None:
    assert data(b"\xa0\x01\x01")["kind"] == "SOME"


def test_an_enum_value_that_the_descriptor_does_not_know_stays_a_number() -> None:
    assert data(b"\xa0\x01\x07")["kind"] == 7


def test_a_user_that_protobuf_leaves_empty_by_default_is_poison() -> None:
    text = text_for("Zeta", action='do = "disconnect"\nuser = "{user_id}"')

    assert failed(outcome_of(text, record(b""), read_file)).reason is Reason.BAD_PLACEHOLDER


@pytest.mark.parametrize(
    ("message", "indexes", "expected"),
    [
        ("Zeta", b"\0", {"user_id": ""}),  # the short form, which stands for the first message of the file
        ("Zeta", b"\x02\x00", {"user_id": ""}),
        ("Event", b"\x02\x02", PLAIN),
        ("Event.Inner", b"\x04\x02\x02", {"x": 0}),
    ],
)
def test_a_confluent_frame_with_the_indexes_of_the_routes_message_is_accepted(
    message: str, indexes: bytes, expected: dict[str, Any]
) -> None:
    value = message_class(message)().SerializeToString()

    assert data(b"\0" + SCHEMA_ID + indexes + value, message, "confluent") == expected


NO_FRAME = "the value has no Confluent frame (a zero byte, a schema id and message indexes)"
MALFORMED = "the frame's message indexes are malformed"


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"", NO_FRAME),
        (b"\x0a\x02u1", NO_FRAME),
        (b"\0" + SCHEMA_ID, NO_FRAME),
        (b"\0" + SCHEMA_ID + b"\0", "the frame's message indexes are not those of test.v1.Event"),
        (b"\0" + SCHEMA_ID + b"\x02\x04", "the frame's message indexes are not those of test.v1.Event"),
        (b"\0" + SCHEMA_ID + b"\x02", MALFORMED),
        (b"\0" + SCHEMA_ID + b"\x01", MALFORMED),  # the varint of minus one
        (b"\0" + SCHEMA_ID + b"\xfe\xff\xff\xff\x0f", MALFORMED),
        (b"\0" + SCHEMA_ID + b"\xff" * 9, MALFORMED),
        (b"\0" + SCHEMA_ID + b"\x02\x02\xff", "the value is not a test.v1.Event"),
    ],
)
def test_a_wrong_or_missing_frame_is_poison(value: bytes, detail: str) -> None:
    assert failed(read(value, "Event", "confluent")) == Poison(Reason.NOT_PROTOBUF, detail, "entries")


def struct(number: float) -> bytes:
    event = message_class("Event")()
    event.free.fields["n"].number_value = number
    return bytes(event.SerializeToString())


def timestamp(seconds: int) -> bytes:
    event = message_class("Event")()
    event.at.seconds = seconds
    return bytes(event.SerializeToString())


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"\xff", "the value is not a test.v1.Event"),
        (b"\x0a\x01\xff", "the value is not a test.v1.Event"),  # not UTF-8
        (
            b"\0" + SCHEMA_ID + b"\x02\x02",
            'the value is not a test.v1.Event; it begins with a zero byte: set framing = "confluent" if a schema '
            "registry is used",
        ),
        (timestamp(10**15), "a test.v1.Event with an invalid text, time or number"),
        (struct(math.nan), "a test.v1.Event with an invalid text, time or number"),
    ],
)
def test_bytes_that_are_not_a_valid_message_are_poison(value: bytes, detail: str) -> None:
    assert failed(read(value)) == Poison(Reason.NOT_PROTOBUF, detail, "entries")


@pytest.mark.parametrize(
    "value",
    [b"\x0a\x01\xff", b"\x12\x01\xff", b"\x1a\x03\x0a\x01\xff", b"\x1a\x03\x12\x01\xff"],
    ids=["field", "list", "key", "value"],
)
def test_a_text_of_proto2_that_is_not_utf8_is_poison(value: bytes) -> None:
    text = text_for("Older").replace("d.binpb", "old.binpb")

    failure = failed(outcome_of(text, record(value), read_file))

    detail = "a test.v1.Older with an invalid text, time or number"
    assert failure == Poison(Reason.NOT_PROTOBUF, detail, "entries")


@pytest.mark.parametrize(
    ("file", "message", "saw"),
    [
        ("empty.binpb", "test.v1.Event", "a descriptor set without files"),
        ("text.binpb", "test.v1.Event", "no valid descriptor set, or a descriptor set without its imports"),
        ("d.binpb", "test.v1.Else", "a descriptor set without the message test.v1.Else"),
    ],
)
def test_a_descriptor_set_that_cannot_be_used_is_reported_as_a_fault(file: str, message: str, saw: str) -> None:
    text = text_for("Event").replace("d.binpb", file).replace("test.v1.Event", message)

    assert faults_of(f"version = 1\n{text}", read_file) == [
        f"routes.toml:6: routes[1].descriptor: saw {saw}; accepted: a file made by protoc --include_imports "
        "--descriptor_set_out=… that contains the message"
    ]


def test_the_files_of_a_descriptor_set_may_have_any_order_and_occur_twice() -> None:
    """Bazel writes sets without imports. A set that joins several of these can have such an order and repetitions."""
    files = list(FileDescriptorSet.FromString(descriptor_set()).file)
    joined = FileDescriptorSet(file=[*reversed(files), *files]).SerializeToString()

    [command] = sent(outcome_of(text_for("Zeta"), record(b"\x0a\x02u1"), lambda name: joined))

    assert command["publish"]["data"] == {"user_id": "u1"}


def test_a_descriptor_set_without_its_imports_is_reported_as_a_fault() -> None:
    files = FileDescriptorSet.FromString(descriptor_set())
    alone = FileDescriptorSet(file=[files.file[-1]]).SerializeToString()

    [sentence] = faults_of(f"version = 1\n{text_for('Event')}", lambda name: alone)

    assert "saw no valid descriptor set, or a descriptor set without its imports" in sentence
