"""Properties of the mapping that hold for any record, in every format."""

from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.commands import (
    Command,
    Disconnect,
    HistoryRemove,
    Mapped,
    Publish,
    Reason,
    Record,
    Refresh,
    Skip,
    SkipReason,
    Unsubscribe,
)
from bridge.mapping.mapper import RouteMapper
from tests.bridge.formats.descriptors import descriptor_set, message_class
from tests.bridge.given import NOW_MS, REPLAY_TOPIC, routes_of
from tests.harness.examples import examples

# Field names of the routes below, one other name, and hostile values: separators, Centrifugo's special characters,
# empty texts.
NAMES = ("id", "user_id", "family_id", "ids", "author", "at", "version", "kind", "else")
SIGNS = st.sampled_from(
    ["", ":", "x:admin", "#1", "$a", "*", "&", "/", ",", "{", "}", "{id}", " ", "\n", "\0", "\u200b", "é", "a"]
)
WORDS = st.one_of(SIGNS, st.text(max_size=4), st.sampled_from(["u1", "a" * 300, "é" * 130]))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), WORDS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)),
    max_leaves=15,
)
# Values that the routes below can use. Each field of an object has one of these values, or an arbitrary one.
USABLE = {
    "id": st.one_of(WORDS, st.integers(-(2**63), 2**63)),
    "user_id": WORDS,
    "family_id": WORDS,
    "ids": st.lists(WORDS, max_size=4),
    "at": st.sampled_from([NOW_MS, NOW_MS - 1000, "2027-01-15T07:59:00Z"]),
    "version": st.integers(-1, 2**64 - 1),
    "kind": WORDS,
}
FLAT = st.fixed_dictionaries({}, optional={name: st.one_of(usable, JSON) for name, usable in USABLE.items()})
AUTHORS = {name: st.one_of(FLAT, JSON) for name in ("author", "else")}
OBJECTS = st.fixed_dictionaries(
    {"at": st.one_of(USABLE["at"], JSON)},
    optional={**{name: st.one_of(usable, JSON) for name, usable in USABLE.items() if name != "at"}, **AUTHORS},
)
# From this value the route `auto` makes every kind of command.
GOOD = {
    "id": "e1",
    "user_id": "u1",
    "family_id": "f1",
    "ids": ["u1", "u2"],
    "author": {"id": "u1"},
    "at": NOW_MS,
    "version": 1,
    "kind": "x",
}
ACTIONS = """
[[routes.actions]]
do = "publish"
channels = ["family:{family_id}:{kind}", "user:{ids[]}"]
data = { id = "{id?}", author = "{author.id?}", text = "by {user_id?}" }
tags = { kind = "{kind?}" }
idempotency = { event = "{id}" }
max_channels = 3
[[routes.actions]]
do = "publish"
channel = "{id}"
fields = ["id", "author?"]
max_bytes = 64
[[routes.actions]]
do = "publish"
channel = "all"
data = "*"
[[routes.actions]]
do = "unsubscribe"
user = "{ids[]}"
channel = "family:{family_id}"
[[routes.actions]]
do = "disconnect"
user = "{user_id}"
[[routes.actions]]
do = "refresh"
user = "{author.id}"
mode = "ask"
[[routes.actions]]
do = "history_remove"
channel = "entry:{id}"
"""
STATE = """
[[routes.actions]]
do = "publish"
channel = "state:{id}"
fields = ["id"]
version = "{version}"
version_epoch = "{kind}"
"""


def route(name: str, more: str = "") -> str:
    return f'[[routes]]\nname = "{name}"\ntopics = ["{name}"]\nmax_age = "1h"\nage_from = "at"\n{more}\n{ACTIONS}'


def protobuf_route(name: str, framing: str) -> str:
    more = f'format = "protobuf"\ndescriptor = "d"\nmessage = "test.v1.Event"\nframing = "{framing}"'
    return route(name, more).replace("family_id", "nick").replace("author", "own")


MAPPER = RouteMapper(
    routes_of(
        route("auto", 'where = [{ field = "kind", not_in = ["never"] }]')
        + STATE
        + route("strict", 'format = "cloudevents"\non_too_old = "dead_letter"')
        + route("rooted", 'format = "json"\nroot = "author"')
        + protobuf_route("plain", "none")
        + protobuf_route("framed", "confluent"),
        lambda name: descriptor_set(),
    ),
    replay_topic=REPLAY_TOPIC,
)
TOPICS = ("auto", "strict", "rooted", "plain", "framed")
MAPPED = frozenset(Reason) - {
    Reason.UNKNOWN_CHANNEL, Reason.UNKNOWN_METHOD, Reason.NOT_AVAILABLE, Reason.REJECTED, Reason.GAVE_UP,
    Reason.INTERNAL_ERROR,
}  # fmt: skip


def assert_sound(given_record: Record) -> None:
    """Assert that mapping raises no exception, and that every command keeps Centrifugo's rules."""
    outcome = MAPPER.outcome(given_record, NOW_MS)

    if isinstance(outcome, Skip):
        assert outcome.reason in SkipReason
        return
    assert isinstance(outcome, Mapped)
    assert outcome.commands or outcome.failures
    assert {failure.reason for failure in outcome.failures} <= MAPPED
    for command in outcome.commands:
        assert_command(command)


def assert_command(command: Command) -> None:
    [(method, request)] = orjson.loads(command.encoded).items()
    assert method == command.method
    assert command.keys
    assert len(set(command.keys)) == len(command.keys)
    match command:
        case Publish(channels=channels, data=data):
            assert_publication(request, channels, data)
        case Unsubscribe(user=user, channel=channel):
            assert_user(user)
            assert_channel(channel)
            assert request == {"user": user, "channel": channel}
        case Disconnect(user=user):
            assert_user(user)
            assert request == {"user": user, "disconnect": {"code": 4100, "reason": "access changed"}}
        case Refresh(user=user):
            assert_user(user)
            assert request == {"user": user, "expire_at": NOW_MS // 1000 + 1}
        case HistoryRemove(channel=channel):
            assert_channel(channel)
            assert request == {"channel": channel}


def assert_publication(request: Any, channels: tuple[str, ...], data: bytes) -> None:
    assert 1 <= len(channels) <= 3
    for channel in channels:
        assert_channel(channel)
    assert (request.get("channels") or [request["channel"]]) == list(channels)
    assert isinstance(request["data"], dict)
    assert orjson.loads(data) == request["data"]
    assert 1 <= request.get("version", 1) <= 2**63 - 1
    assert all(isinstance(tag, str) and tag for tag in request.get("tags", {}).values())


def assert_user(user: str) -> None:
    assert user != ""
    assert user.isprintable()
    assert len(user.encode()) <= 255


def assert_channel(channel: str) -> None:
    assert len(channel.encode()) <= 255
    assert channel.isprintable()
    assert set(channel).isdisjoint(" ,#$&*{}/")
    prefixes = {"family": (2, 3), "user": (2,), "entry": (2,), "state": (2,)}
    segments = channel.split(":")
    assert "" not in segments
    # "{id}" and "all" are whole channels. A value with a colon is refused, so no value chooses the namespace.
    assert len(segments) == 1 or len(segments) in prefixes[segments[0]]


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_x", "bridge.topic", "bridge.offset"]
        ),
        st.one_of(
            st.none(),
            st.binary(max_size=4),
            st.sampled_from([b"1.0", b"application/json", b"application/cloudevents+json", b"auto", b"3", b"text/xml"]),
        ),
    ),
    max_size=6,
).map(tuple)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=60),
    JSON.map(orjson.dumps),
    OBJECTS.map(lambda value: orjson.dumps(orjson.dumps(value).decode())),
)
RECORDS = st.builds(
    Record,
    topic=st.one_of(st.just("auto"), st.sampled_from([*TOPICS, REPLAY_TOPIC, "else"])),
    partition=st.just(0),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.sampled_from([-1, 0, NOW_MS, NOW_MS + 10**9]),
    key=st.one_of(st.none(), st.binary(max_size=4)),
    value=st.one_of(OBJECTS.map(orjson.dumps), VALUES),
    headers=st.one_of(st.just(()), HEADERS),
)


GOOD_RECORD = Record("auto", 0, 0, NOW_MS, None, orjson.dumps(GOOD))


@given(given_record=RECORDS)
@example(given_record=GOOD_RECORD)
@examples(600)
def test_every_record_is_mapped_or_skipped_without_an_exception(given_record: Record) -> None:
    assert_sound(given_record)


@given(value=OBJECTS, cut=st.integers(0, 400), byte=st.binary(max_size=2))
@examples(300)
def test_a_json_value_with_inserted_bytes_never_raises_an_exception(value: Any, cut: int, byte: bytes) -> None:
    body = orjson.dumps(value)

    for topic in ("auto", "rooted"):
        assert_sound(Record(topic, 0, 0, NOW_MS, None, body[:cut] + byte + body[cut:]))


ENVELOPE = {"specversion": "1.0", "id": "7", "source": "/a", "type": "t", "data": GOOD}
CHANGES = {
    "specversion": st.one_of(st.sampled_from(["1.0", "1.9", "2.0", "", 1]), SCALARS),
    "id": SCALARS,
    "source": SCALARS,
    "type": SCALARS,
    "datacontenttype": st.one_of(st.sampled_from(["application/json", "text/plain", "avro"]), SCALARS),
    "data": st.one_of(OBJECTS, JSON),
    "data_base64": st.one_of(OBJECTS.map(lambda data: b64encode(orjson.dumps(data)).decode()), SCALARS),
}
CHANGED = st.lists(st.sampled_from(sorted(CHANGES)), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: CHANGES[name] for name in names})
)


@given(changes=CHANGED, absent=st.sampled_from([None, *ENVELOPE]), topic=st.sampled_from(["auto", "strict"]))
@example(changes={}, absent=None, topic="strict")
@examples(400)
def test_a_structured_event_never_raises_an_exception(changes: Any, absent: str | None, topic: str) -> None:
    headers = (("content-type", b"application/cloudevents+json"),)
    envelope = {name: value for name, value in {**ENVELOPE, **changes}.items() if name != absent}

    assert_sound(Record(topic, 0, 0, NOW_MS, None, orjson.dumps(envelope), headers))


EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "user_id": WORDS.map(lambda text: text.encode(errors="replace").decode()),
        "big": st.integers(-(2**63), 2**63 - 1),
        "ratio": st.floats(),
        "raw": st.binary(max_size=4),
        "ids": st.lists(WORDS.map(lambda text: text.encode(errors="replace").decode()), max_size=4),
        "nick": WORDS.map(lambda text: text.encode(errors="replace").decode()),
        "kind": st.integers(0, 3),
        "at": st.fixed_dictionaries(
            {
                "seconds": st.one_of(st.just(NOW_MS // 1000), st.integers(-(2**63), 2**63 - 1)),
                "nanos": st.integers(-9, 9),
            }
        ),
    },
)
GOOD_EVENT = {"user_id": "u1", "nick": "n1", "ids": ["u1"], "kind": 1, "at": {"seconds": NOW_MS // 1000, "nanos": 0}}


@given(
    event=EVENTS, frame=st.sampled_from([b"", b"\0\0\0\0\1\2\2", b"\0\0\0\0\1\0", b"\0"]), tail=st.binary(max_size=3)
)
@example(event=GOOD_EVENT, frame=b"", tail=b"")
@example(event=GOOD_EVENT, frame=b"\0\0\0\0\1\2\2", tail=b"")
@examples(400)
@pytest.mark.parametrize("topic", ["plain", "framed"])
def test_a_protobuf_value_never_raises_an_exception(topic: str, event: Any, frame: bytes, tail: bytes) -> None:
    value = message_class("Event")(own=event, **event).SerializeToString()

    assert_sound(Record(topic, 0, 0, NOW_MS, None, frame + value + tail))


@given(given_record=RECORDS, later_ms=st.integers(0, 10**10))
@example(given_record=GOOD_RECORD, later_ms=1)
@examples(200)
def test_mapping_a_record_again_later_gives_no_new_idempotency_keys(given_record: Record, later_ms: int) -> None:
    first, again = (MAPPER.outcome(given_record, at_ms) for at_ms in (NOW_MS, NOW_MS + later_ms))

    assert keys(again) <= keys(first)


def keys(outcome: Mapped | Skip) -> set[tuple[str, int, str]]:
    commands = outcome.commands if isinstance(outcome, Mapped) else ()
    return {
        (command.route, command.action, command.idempotency_key) for command in commands if isinstance(command, Publish)
    }
