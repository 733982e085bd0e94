"""The outcome for a record: commands, a dead letter's reason, or nothing."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from bridge.commands import Mapped, Poison, Reason, Skip, SkipReason
from bridge.delivery.dead_letter import Letter, Position, headers_of, position_of
from bridge.mapping.replayed import original
from tests.bridge.formats.descriptors import descriptor_set
from tests.bridge.given import NOW_MS, REPLAY_TOPIC, failed, one_route, outcome_of, publishing, record, routes_of, sent

POSITION = f"t:3:7:{NOW_MS}"
EVENT = {"id": "e1", "family_id": "f1", "user_id": "u1", "secret": "s"}


def published(text: str, value: Any, **more: Any) -> Any:
    """The one publication of a record, without its idempotency key."""
    [command] = sent(outcome_of(text, record(value, **more)))
    [request] = command.values()
    request.pop("idempotency_key", None)
    return request


def data_of(template: str, value: Any, **more: Any) -> Any:
    return published(one_route(publishing("c", f"data = {template}")), value, **more)["data"]


def test_only_the_listed_fields_reach_a_channel_and_nesting_is_kept() -> None:
    text = one_route(publishing(more='fields = ["id", "author.name", "author.nick?", "mood?", "tags"]'))
    value = {**EVENT, "author": {"name": "n", "email": "e"}, "tags": [1, {"a": None}]}

    assert published(text, value) == {
        "channel": "family:f1",
        "data": {"id": "e1", "author": {"name": "n"}, "tags": [1, {"a": None}]},
    }


def test_a_field_whose_value_is_null_is_published() -> None:
    assert published(one_route(publishing()), {**EVENT, "id": None})["data"] == {"id": None}


@pytest.mark.parametrize(
    ("template", "data"),
    [
        ('{ id = "{id}", n = "{n}", on = "{on}", none = "{none}" }', {"id": "e1", "n": 1.5, "on": True, "none": None}),
        ('{ of = "{deep.x}", list = ["{id}", "{gone?}", 3] }', {"of": {"y": 1}, "list": ["e1", 3]}),
        ('{ text = "entry {id}, {count}", braces = "{{id}}" }', {"text": "entry e1, 7", "braces": "{id}"}),
        ('{ a = "{gone?}", b = "x {gone?}", c = { d = "{gone?}" }, e = "x {none?}" }', {"c": {}}),
        ('{ type = "entry", n = 1, on = false, at = 2027-01-02, empty = "" }', None),
        ('{ key = "{@key}", topic = "{@topic}", at = "{@timestamp}", by = "{@header.by}" }', None),
    ],
)
def test_a_data_template_is_filled_with_values_that_keep_their_types(template: str, data: Any) -> None:
    value = {**EVENT, "n": 1.5, "on": True, "none": None, "deep": {"x": {"y": 1}}, "count": 7}
    around = {
        "type": {"type": "entry", "n": 1, "on": False, "at": "2027-01-02", "empty": ""},
        "key": {"key": "k1", "topic": "t", "at": NOW_MS, "by": "last"},
    }

    built = data_of(template, value, key=b"k1", headers=(("by", b"first"), ("by", b"last")))

    assert built == (data if data is not None else around[next(iter(built))])


def test_data_with_a_star_publishes_the_whole_event() -> None:
    assert published(one_route(publishing(more='data = "*"')), EVENT)["data"] == EVENT


def test_each_distinct_element_of_a_list_makes_a_channel() -> None:
    text = one_route('do = "publish"\nchannels = ["user:{ids[]}", "log:{by.id}"]\nfields = ["id"]')

    request = published(text, {"id": 1, "ids": ["a", 2, "a"], "by": {"id": "b"}})

    assert request == {"channels": ["user:a", "user:2", "log:b"], "data": {"id": 1}}


def test_a_field_of_each_object_of_a_list_makes_a_channel() -> None:
    text = one_route(publishing("user:{members[].user.id}:feed"))

    assert published(text, {"id": 1, "members": [{"user": {"id": "a"}}]})["channel"] == "user:a:feed"


def test_every_route_that_fits_applies_in_the_order_of_the_file() -> None:
    text = (
        one_route(publishing("a:{id}"))
        + one_route(publishing("b:{id}"), 'where = [{ field = "kind", equals = "x" }]').replace("entries", "others")
        + one_route('do = "disconnect"\nuser = "{user_id}"').replace("entries", "closing")
    )

    outcome = outcome_of(text, record({**EVENT, "kind": "x"}))

    assert isinstance(outcome, Mapped)
    assert [(command.route, command.action, command.kind, command.keys) for command in outcome.commands] == [
        ("entries", 1, "publish", ("a:e1",)),
        ("others", 1, "publish", ("b:e1",)),
        ("closing", 1, "disconnect", ("user\0u1",)),
    ]


def test_a_failure_in_one_action_does_not_stop_the_others() -> None:
    """A publication that lacks a field must not prevent a disconnect."""
    text = one_route(publishing("feed:{gone}") + '\n[[routes.actions]]\ndo = "disconnect"\nuser = "{user_id}"')

    outcome = outcome_of(text, record(EVENT))

    assert isinstance(outcome, Mapped)
    assert [command.encoded for command in outcome.commands] == [
        b'{"disconnect":{"user":"u1","disconnect":{"code":4100,"reason":"access changed"}}}'
    ]
    assert outcome.failures == (Poison(Reason.NO_SUCH_FIELD, "{gone} is absent", "entries", 1),)


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (
            'do = "unsubscribe"\nuser = "{user_id}"\nchannel = "family:{family_id}:chat"',
            {"unsubscribe": {"user": "u1", "channel": "family:f1:chat"}},
        ),
        (
            'do = "disconnect"\nuser = "{user_id}"\ncode = 4501\nreason = "closed"',
            {"disconnect": {"user": "u1", "disconnect": {"code": 4501, "reason": "closed"}}},
        ),
        ('do = "refresh"\nuser = "x|{user_id}"', {"refresh": {"user": "x|u1", "expired": True}}),
        (
            'do = "refresh"\nuser = "{user_id}"\nmode = "ask"',
            {"refresh": {"user": "u1", "expire_at": NOW_MS // 1000 + 1}},
        ),
        ('do = "history_remove"\nchannel = "family:{family_id}"', {"history_remove": {"channel": "family:f1"}}),
    ],
)
def test_each_kind_of_action_other_than_publish_makes_the_expected_command(action: str, command: Any) -> None:
    assert sent(outcome_of(one_route(action), record(EVENT))) == [command]


def test_each_user_of_a_list_gets_a_command() -> None:
    text = one_route('do = "unsubscribe"\nuser = "{ids[]}"\nchannel = "c:{id}"')

    assert sent(outcome_of(text, record({"id": 1, "ids": ["a", "b"]}))) == [
        {"unsubscribe": {"user": "a", "channel": "c:1"}},
        {"unsubscribe": {"user": "b", "channel": "c:1"}},
    ]


@pytest.mark.parametrize(
    ("action", "value", "reason", "detail"),
    [
        (publishing(), {"id": 1}, "no_such_field", "{family_id} is absent"),
        (publishing(), {"id": 1, "family_id": None}, "no_such_field", "{family_id} is null"),
        (publishing(), {"family_id": "f"}, "no_such_field", "id is absent"),
        (publishing("a:{x.y}"), {"id": 1, "x": "y"}, "no_such_field", "{x.y} is absent"),
        (publishing("a:{x[]}"), {"id": 1}, "no_such_field", "{x[]} is absent"),
        (publishing("a:{x[].y}"), {"id": 1, "x": [{"y": 1}, {}]}, "no_such_field", "{x[].y} is absent"),
        (publishing("a:{x[]}"), {"id": 1, "x": "yz"}, "bad_placeholder", "{x[]} is a text; accepted: a list"),
        (publishing(more='data = { a = "{@header.no}" }'), {"family_id": 1}, "no_such_field", "{@header.no} is absent"),
        (publishing("a:{@ce.id}"), {"id": 1}, "no_such_field", "{@ce.id} is absent"),
        (publishing("a:{@key}"), {"id": 1}, "no_such_field", "{@key} is null"),
        (
            publishing("a:{id}:" + "b" * 200),
            {"id": "c" * 60},
            "bad_channel",
            "a name of 263 bytes; accepted: at most 255",
        ),
        (
            publishing("a:{id}:" + "b" * 200),
            {"id": "é" * 30},
            "bad_channel",
            "a name of 263 bytes; accepted: at most 255",
        ),
        (
            'do = "disconnect"\nuser = "{id}"',
            {"id": "c" * 256},
            "bad_placeholder",
            "a name of 256 bytes; accepted: at most 255",
        ),
        (
            publishing(more='fields = ["id"]\nmax_bytes = 10'),
            {"id": "123", "family_id": 1},
            "too_large",
            "data has 12 bytes; accepted: at most 10",
        ),
        (
            publishing("a:{x[]}", 'fields = ["id"]\nmax_channels = 2'),
            {"id": 1, "x": [1, 2, 3]},
            "too_many_channels",
            "3 channels or users; accepted: at most 2",
        ),
        (
            publishing("a:{x[]}"),
            {"id": 1, "x": [1] * 10_001},
            "too_many_channels",
            "{x[]} has 10001 elements; accepted: at most 10000",
        ),
        (
            'do = "refresh"\nuser = "{x[]}"\nmax_channels = 2',
            {"x": [1, 2, 3]},
            "too_many_channels",
            "3 channels or users; accepted: at most 2",
        ),
        (
            publishing(more='fields = ["id"]\nversion = "{v}"'),
            {"id": 1, "family_id": 1, "v": 0},
            "bad_version",
            "version {v} is not an integer from 1 to 9223372036854775807",
        ),
        (
            publishing(more='fields = ["id"]\nversion = "{v}"'),
            {"id": 1, "family_id": 1, "v": None},
            "no_such_field",
            "{v} is null",
        ),
        (
            publishing(more='data = { text = "about {on}" }'),
            {"family_id": 1, "on": True},
            "bad_placeholder",
            "{on} is a boolean; accepted: a text or an integer",
        ),
        (
            publishing(more='fields = ["id"]\ntags = { a = "{tag}" }'),
            {"id": 1, "family_id": 1, "tag": ""},
            "bad_placeholder",
            "{tag} is empty; accepted: a text that is not empty, or an integer",
        ),
        (
            publishing(more='fields = ["id"]\nidempotency = "event"'),
            {"id": 1, "family_id": 1},
            "no_such_field",
            'idempotency = "event" needs a CloudEvent',
        ),
    ],
)
def test_a_record_that_an_action_cannot_use_is_poison(action: str, value: Any, reason: str, detail: str) -> None:
    outcome = outcome_of(one_route(action), record(value))

    assert failed(outcome) == Poison(Reason(reason), detail, "entries", 1)


def test_a_placeholder_for_a_key_that_is_not_utf8_is_poison() -> None:
    text = one_route(publishing("c", 'data = { key = "{@key}" }'))

    assert failed(outcome_of(text, record({}, key=b"\xff"))) == Poison(
        Reason.BAD_PLACEHOLDER, "{@key} is binary; accepted: text in UTF-8", "entries", 1
    )


BAD_SEGMENTS = [
    "", " ", "a b", "a:b", "x:admin", ":", "#", "a#1,2", "$a", "&", "*", "a/b", "{x}", "a,b", "a\n", "\0", "\u200b",
    "\x7f", "\u2028", True, 1.0, 1e30, [], ["a"], {}, {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", BAD_SEGMENTS)
@pytest.mark.parametrize("in_list", [False, True])
def test_an_id_that_is_empty_or_has_special_characters_or_another_type_makes_no_channel(
    value: Any, in_list: bool
) -> None:
    text = one_route(publishing("family:{x[]}" if in_list else "family:{x}"))

    failure = failed(outcome_of(text, record({"id": 1, "x": [value] if in_list else value})))

    assert failure.reason is Reason.BAD_PLACEHOLDER


@pytest.mark.parametrize("value", ["a", "a-b", "é", "7", 7, -1, 0, 2**63, "a.b", "a|b", "a@b", "'", '"', "日本"])
def test_ordinary_ids_make_channels(value: Any) -> None:
    assert published(one_route(publishing("family:{x}")), {"id": 1, "x": value})["channel"] == f"family:{value}"


@pytest.mark.parametrize("value", ["", "\n", "a\0", "\u200b", True, 1.5, [], {}, ["a"]])
@pytest.mark.parametrize("do", ['do = "disconnect"', 'do = "refresh"', 'do = "unsubscribe"\nchannel = "a"'])
def test_a_user_that_is_empty_or_unprintable_or_of_another_type_is_poison(do: str, value: Any) -> None:
    failure = failed(outcome_of(one_route(f'{do}\nuser = "{{u}}"'), record({"u": value})))

    assert failure.reason is Reason.BAD_PLACEHOLDER


@pytest.mark.parametrize("value", ["auth0|12", "a b", "a:b", "#1", "*", 17])
def test_ordinary_users_are_disconnected(value: Any) -> None:
    [command] = sent(outcome_of(one_route('do = "disconnect"\nuser = "{u}"'), record({"u": value})))

    assert command["disconnect"]["user"] == str(value)


@pytest.mark.parametrize("value", [-1, 2**63, "0", "-1", "1.5", "x", "", "１", True, 1.5, [], "1" * 40])
def test_a_version_that_centrifugo_would_refuse_or_ignore_is_poison(value: Any) -> None:
    text = one_route(publishing(more='fields = ["id"]\nversion = "{v}"'))

    assert failed(outcome_of(text, record({**EVENT, "v": value}))).reason is Reason.BAD_VERSION


@pytest.mark.parametrize(("value", "version"), [(1, 1), ("7", 7), (2**63 - 1, 2**63 - 1)])
def test_a_version_is_sent_as_a_number(value: Any, version: int) -> None:
    text = one_route(publishing(more='fields = ["id"]\nversion = "{v}"\nversion_epoch = "{family_id}"'))

    request = published(text, {**EVENT, "v": value})

    assert (request["version"], request["version_epoch"]) == (version, "f1")


def test_tags_are_texts_and_optional_tags_may_be_absent() -> None:
    text = one_route(publishing(more='fields = ["id"]\ntags = { kind = "entry", n = "{n}", mood = "{mood?}" }'))

    assert published(text, {**EVENT, "n": 3})["tags"] == {"kind": "entry", "n": "3"}


def key_of(text: str, value: Any = EVENT, **more: Any) -> list[str]:
    commands = sent(outcome_of(text, record(value, **more)))
    return [request.get("idempotency_key", "") for command in commands for request in command.values()]


CLOUD_EVENT = (("ce_specversion", b"1.0"), ("ce_id", b"e 1"), ("ce_source", b"/a b"), ("ce_type", b"x"))


def with_key(idempotency: str) -> str:
    return one_route(publishing(more=f'fields = ["id"]\nidempotency = {idempotency}'))


@pytest.mark.parametrize(
    ("idempotency", "key"),
    [
        ('"position"', POSITION),
        ('"event"', "/a%20b e 1"),
        ('"off"', ""),
        ('{ event = "{id}" }', "e1"),
        ('{ event = "{@header.id}" }', "h1"),
    ],
)
def test_the_option_idempotency_selects_the_idempotency_key(idempotency: str, key: str) -> None:
    assert key_of(with_key(idempotency), headers=(*CLOUD_EVENT, ("id", b"h1"))) == [key]


def test_a_long_event_id_becomes_an_idempotency_key_of_64_characters() -> None:
    [key] = key_of(with_key('{ event = "{id}" }'), {**EVENT, "id": "x" * 300})

    assert len(key) == 64


def test_several_publications_of_one_record_have_different_idempotency_keys() -> None:
    two = publishing("a:{id}") + "\n[[routes.actions]]\n" + publishing("a:{id}")
    text = one_route(two) + one_route(publishing("a:{id}"), 'where = [{ field = "kind", exists = true }]').replace(
        "entries", "others"
    )

    assert key_of(text) == [f"{POSITION}:entries.1", f"{POSITION}:entries.2"]
    assert key_of(text, {**EVENT, "kind": 1})[2] == f"{POSITION}:others.1"


def test_a_route_that_does_not_fit_does_not_change_the_idempotency_key_of_another_route() -> None:
    text = one_route(publishing("a:{id}")) + one_route(
        publishing("a:{id}"), 'where = [{ field = "kind", exists = true }]'
    ).replace("entries", "others")

    assert key_of(text) == [POSITION]


def test_the_idempotency_key_does_not_depend_on_the_age_of_the_record() -> None:
    """When the record is read again, one of two publications is too old. The other must not be published twice."""
    text = one_route(publishing("a:{id}"), 'max_age = "1h"') + one_route(publishing("b:{id}")).replace(
        "entries", "others"
    )

    assert key_of(text)[1] == f"{POSITION}:others.1"
    assert key_of(text, timestamp=NOW_MS - 7_200_000) == [f"t:3:7:{NOW_MS - 7_200_000}:others.1"]


CONDITIONS = [
    ('equals = "x"', "x", True),
    ('equals = "x"', "y", False),
    ('equals = "x"', None, False),
    ("equals = 1", 1, True),
    ("equals = 1", True, False),
    ("equals = true", 1, False),
    ("equals = true", True, True),
    ('in = ["x", 2]', 2, True),
    ('in = ["x", 2]', "2", False),
    ('in = ["x"]', ["x"], False),
    ('not_in = ["x"]', "y", True),
    ('not_in = ["x"]', "x", False),
    ('not_in = ["x"]', None, True),
    ('not_in = ["x"]', ["x"], True),
    ("exists = true", 0, True),
    ("exists = true", None, False),
    ("exists = false", None, True),
    ("exists = false", "", False),
    ('prefix = "x"', "xy", True),
    ('prefix = "x"', "yx", False),
    ('prefix = "x"', 1, False),
]


@pytest.mark.parametrize(("condition", "value", "fits"), CONDITIONS)
def test_a_route_fits_when_its_condition_holds(condition: str, value: Any, fits: bool) -> None:
    text = one_route(publishing("c"), f'where = [{{ field = "a.b", {condition} }}]')

    outcome = outcome_of(text, record({"id": 1, "a": {"b": value}}))

    assert (outcome != Skip(SkipReason.UNROUTED)) == fits


@pytest.mark.parametrize(
    ("condition", "fits"),
    [('equals = "x"', False), ('in = ["x"]', False), ('not_in = ["x"]', True), ("exists = false", True),
     ("exists = true", False), ('prefix = "x"', False)],
)  # fmt: skip
def test_only_exists_false_and_not_in_hold_for_an_absent_field(condition: str, fits: bool) -> None:
    text = one_route(publishing("c"), f'where = [{{ field = "a.b", {condition} }}]')

    assert (outcome_of(text, record({"id": 1})) != Skip(SkipReason.UNROUTED)) == fits


def test_conditions_on_headers_are_checked_before_the_value_is_read() -> None:
    """One topic can then have events of several formats."""
    text = one_route(publishing("c"), 'where = [{ field = "@header.kind", equals = "json" }]')

    assert outcome_of(text, record(b"\xff", headers=(("kind", b"other"),))) == Skip(SkipReason.UNROUTED)
    assert failed(outcome_of(text, record(b"\xff", headers=(("kind", b"json"),)))).reason is Reason.NOT_JSON


def test_all_conditions_must_hold() -> None:
    text = one_route(publishing("c"), 'where = [{ field = "a", equals = 1 }, { field = "b", equals = 1 }]')

    assert outcome_of(text, record({"id": 1, "a": 1, "b": 2})) == Skip(SkipReason.UNROUTED)
    assert len(sent(outcome_of(text, record({"id": 1, "a": 1, "b": 1})))) == 1


def test_a_topic_that_no_route_reads_is_unrouted() -> None:
    assert outcome_of(one_route(publishing()), record(EVENT, topic="else")) == Skip(SkipReason.UNROUTED)


def test_a_record_whose_lists_are_empty_is_skipped_because_it_has_no_recipients() -> None:
    text = one_route(publishing("user:{ids[]}") + '\n[[routes.actions]]\ndo = "disconnect"\nuser = "{ids[]}"')

    assert outcome_of(text, record({"ids": []})) == Skip(SkipReason.NO_RECIPIENTS)


def test_an_unreadable_value_is_one_failure_even_if_several_routes_read_it() -> None:
    text = one_route(publishing()) + one_route(publishing()).replace("entries", "others")

    assert failed(outcome_of(text, record(b"{"))) == Poison(
        Reason.NOT_JSON, "not JSON in UTF-8: line 1, column 2", "entries", None
    )


def nested(levels: int) -> bytes:
    """An object with this many levels."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_the_deepest_data_template_that_a_routes_file_may_have_is_published() -> None:
    text = one_route(publishing("c", f"data = {{ x = {'[' * 99}'{{id}}'{']' * 99} }}"))

    [command] = sent(outcome_of(text, record(b'{"id":"e1"}')))

    assert command["publish"]["data"] == json.loads(f'{{"x": {"[" * 99}"e1"{"]" * 99}}}')


def test_data_of_more_than_254_levels_is_poison() -> None:
    text = one_route(publishing("c", 'data = "*"'))

    assert len(sent(outcome_of(text, record(nested(254))))) == 1
    for levels in (255, 600):
        assert failed(outcome_of(text, record(nested(levels)))) == Poison(
            Reason.TOO_LARGE, "data is nested deeper than 254 levels", "entries", 1
        )


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ("", Skip(SkipReason.TOMBSTONE)),
        (
            'on_tombstone = "dead_letter"',
            Mapped((), (Poison(Reason.TOMBSTONE, "the record has no value", "entries", None),)),
        ),
    ],
)
def test_a_record_without_a_value_is_skipped_or_dead_lettered(more: str, outcome: Any) -> None:
    assert outcome_of(one_route(publishing(), more), record(None)) == outcome


HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("more", "age_ms", "kind"),
    [
        ("", 10 * HOUR_MS, "sent"),
        ('max_age = "1h"', HOUR_MS, "sent"),
        ('max_age = "1h"', HOUR_MS + 1, "too_old"),
        ('max_age = "1h"', -HOUR_MS, "sent"),
        ('max_age = "1h"\non_too_old = "publish"', 2 * HOUR_MS, "sent"),
        ('max_age = "1h"\non_too_old = "dead_letter"', 2 * HOUR_MS, "dead_letter"),
    ],
)
def test_max_age_and_on_too_old_decide_about_an_old_publication(more: str, age_ms: int, kind: str) -> None:
    outcome = outcome_of(one_route(publishing(), more), record(EVENT, timestamp=NOW_MS - age_ms))

    not_sent = {
        "too_old": Skip(SkipReason.TOO_OLD),
        "dead_letter": Mapped((), (Poison(Reason.TOO_OLD, "the event is older than max_age", "entries", 1),)),
    }
    if kind == "sent":
        assert len(sent(outcome)) == 1
    else:
        assert outcome == not_sent[kind]


def test_an_old_record_disconnects_despite_the_max_age_of_the_route_but_not_with_a_max_age_of_the_action() -> None:
    disconnect = 'do = "disconnect"\nuser = "{user_id}"'
    text = one_route(f"{publishing()}\n[[routes.actions]]\n{disconnect}", 'max_age = "1h"')
    old = record(EVENT, timestamp=NOW_MS - 2 * HOUR_MS)

    assert [list(command) for command in sent(outcome_of(text, old))] == [["disconnect"]]
    assert outcome_of(text + 'max_age = "1h"', old) == Skip(SkipReason.TOO_OLD)


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        ("2027-01-15T07:30:00Z", "sent"),
        ("2027-01-15T06:30:00.123456789Z", "too_old"),
        ("2027-01-15t09:30:00+02:00", "sent"),
        ("2027-01-15T09:30:00+03:00", "too_old"),
        ("2999-01-01T00:00:00Z", "sent"),
        (NOW_MS - HOUR_MS // 2, "sent"),
        (NOW_MS - 2 * HOUR_MS, "too_old"),
        (None, "no_such_field"),
        ("2027-01-15", "bad_time"),
        ("2027-01-15T07:30:00", "bad_time"),
        ("2027-02-30T07:30:00Z", "bad_time"),
        ("0000-01-01T00:00:00Z", "bad_time"),
        ("0001-01-01T00:00:00+14:00", "too_old"),
        ("１０２７-01-15T07:30:00Z", "bad_time"),
        (1.5, "bad_time"),
        (True, "bad_time"),
        (-1, "bad_time"),
        (2**63, "bad_time"),
        ([], "bad_time"),
    ],
)
def test_the_key_age_from_names_the_field_with_the_time(at: Any, kind: str) -> None:
    text = one_route(publishing(), 'max_age = "1h"\nage_from = "at"')

    outcome = outcome_of(text, record({**EVENT, "at": at}))

    if kind == "sent":
        assert len(sent(outcome)) == 1
    elif kind == "too_old":
        assert outcome == Skip(SkipReason.TOO_OLD)
    else:
        assert failed(outcome).reason == kind


def test_paths_start_at_the_root_even_if_it_is_a_json_text_of_an_object() -> None:
    text = one_route(publishing(), 'root = "payload"')

    assert published(text, {"payload": EVENT})["channel"] == "family:f1"
    assert published(text, {"payload": '{"id": 1, "family_id": 2}'})["channel"] == "family:2"


@pytest.mark.parametrize(
    ("root", "reason"),
    [(None, "no_such_field"), ("x", "bad_placeholder"), ([1], "bad_placeholder"), (7, "bad_placeholder")],
)
def test_a_root_that_is_not_an_object_is_poison(root: Any, reason: str) -> None:
    text = one_route(publishing("c"), 'root = "payload"')

    assert failed(outcome_of(text, record({"payload": root}))).reason == reason


def test_a_condition_can_skip_records_with_null_at_the_root() -> None:
    """Debezium's `after` is null for a deletion."""
    text = one_route(publishing("c"), 'root = "after"\nwhere = [{ field = "id", exists = true }]')

    assert outcome_of(text, record({"after": None})) == Skip(SkipReason.UNROUTED)


ORIGIN = (
    ("bridge.topic", b"t"),
    ("bridge.partition", b"5"),
    ("bridge.offset", b"42"),
    ("bridge.timestamp", b"1799999999999"),
)


def test_the_headers_of_a_dead_letter_name_the_position_of_the_original_record() -> None:
    letter = Letter(Position("t", 5, 42, -1), [Poison(Reason.REJECTED, "")], 1, 0, 0.0, "1")

    replayed = record(EVENT, topic=REPLAY_TOPIC, headers=tuple(headers_of(letter, (("own", b"h"),))))

    read = original(replayed)
    assert (read.topic, read.partition, read.offset, read.timestamp) == ("t", 5, 42, -1)


def test_a_replayed_record_has_the_route_and_the_idempotency_key_of_the_original() -> None:
    outcome = outcome_of(one_route(publishing()), record(EVENT, topic=REPLAY_TOPIC, headers=ORIGIN))

    assert [command["publish"]["idempotency_key"] for command in sent(outcome)] == ["t:5:42:1799999999999"]


def test_the_age_of_a_replayed_record_is_that_of_the_original() -> None:
    old = (*ORIGIN[:3], ("bridge.timestamp", str(NOW_MS - 2 * HOUR_MS).encode()))
    text = one_route(publishing(), 'max_age = "1h"')

    assert outcome_of(text, record(EVENT, topic=REPLAY_TOPIC, headers=old)) == Skip(SkipReason.TOO_OLD)


@pytest.mark.parametrize("missing", range(4))
def test_a_record_of_the_replay_topic_that_the_bridge_did_not_write_is_poison(missing: int) -> None:
    headers = tuple(header for number, header in enumerate(ORIGIN) if number != missing)

    failure = failed(outcome_of(one_route(publishing()), record(EVENT, topic=REPLAY_TOPIC, headers=headers)))

    assert (failure.reason, failure.route, failure.action) == (Reason.UNSUPPORTED, "", None)
    assert ORIGIN[missing][0] in failure.detail


@pytest.mark.parametrize("topic", [b"", b"..", b"a b", b"t\n", b"\xff", "é".encode(), b"t" * 250])
def test_a_replayed_record_whose_header_names_no_topic_is_poison(topic: bytes) -> None:
    headers = (("bridge.topic", topic), *ORIGIN[1:])
    text = one_route(publishing()).replace('["t"]', '["^.*"]')

    failure = failed(outcome_of(text, record(EVENT, topic=REPLAY_TOPIC, headers=headers)))

    detail = "the header bridge.topic is absent or is not a topic name, so the record cannot be replayed"
    assert failure == Poison(Reason.UNSUPPORTED, detail)
    here = Position(REPLAY_TOPIC, 3, 7, NOW_MS)
    assert position_of(record(EVENT, topic=REPLAY_TOPIC, headers=headers), REPLAY_TOPIC) == (here, 0)


def test_the_memory_for_topics_stays_bounded_when_every_record_names_a_new_topic() -> None:
    routes = routes_of(one_route(publishing()).replace('["t"]', '["t", "^u"]'))

    tracemalloc.start()
    for number in range(5000):
        routes.of_topic(f"u-{number}".ljust(249, "x"))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 1_000_000
    assert [route.name for route in routes.of_topic("t")] == ["entries"]


def test_the_headers_of_a_replay_are_ignored_outside_the_replay_topic() -> None:
    assert key_of(one_route(publishing()), headers=ORIGIN) == [POSITION]


MESSAGE = 'descriptor = "d"\nmessage = "test.v1.Event"'


@pytest.mark.parametrize(("form", "more"), [("auto", ""), ("json", ""), ("cloudevents", ""), ("protobuf", MESSAGE)])
def test_a_record_whose_headers_cannot_be_read_is_poison_in_every_format(form: str, more: str) -> None:
    unreadable = msgspec.structs.replace(record(EVENT), fault="no header can be read")

    text = one_route(publishing(), f'format = "{form}"\n{more}')
    failure = failed(outcome_of(text, unreadable, lambda name: descriptor_set()))

    assert failure == Poison(Reason.UNSUPPORTED, "no header can be read")
