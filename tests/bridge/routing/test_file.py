"""The grammar of a routes file, and the message for each fault."""

from pathlib import Path
from typing import Any

import pytest

from bridge.formats.cloudevents import AutoReader, CloudEventsReader
from bridge.formats.json_value import JsonReader
from bridge.routing.faults import RoutesError
from bridge.routing.file import load_routes
from bridge.routing.model import (
    DisconnectAction,
    Idempotency,
    OnTombstone,
    OnTooOld,
    PublishAction,
    RefreshAction,
    RefreshMode,
    UnsubscribeAction,
)
from tests.bridge.given import faults_of, one_route, publishing, routes_of

SOUND = one_route(publishing())
TOO_DEEP = "routes[1].actions[1].data: saw tables or lists nested too deeply; accepted: at most 100 levels"


def fault(text: str) -> str:
    """The only fault of a file, without its name."""
    [sentence] = faults_of(f"version = 1\n{text}")
    assert sentence.startswith("routes.toml:")
    return sentence.removeprefix("routes.toml:")


def test_a_route_has_the_defaults_of_the_grammar() -> None:
    [route] = routes_of(SOUND).routes

    assert (route.name, route.number, route.line, route.topics) == ("entries", 1, 2, ("t",))
    assert isinstance(route.reader, AutoReader)
    assert (route.root, route.early, route.late, route.age_from) == (None, (), (), None)
    assert (route.max_age_ms, route.on_too_old, route.on_tombstone) == (0, OnTooOld.DROP, OnTombstone.SKIP)


def test_a_publish_action_has_the_defaults_of_the_grammar() -> None:
    [action] = routes_of(SOUND).routes[0].actions

    assert isinstance(action, PublishAction)
    assert (action.number, action.line, action.max_age_ms, action.max_targets) == (1, 6, None, 100)
    assert (action.max_bytes, action.tags, action.skip_history, action.delta) == (65536, (), False, False)
    assert (action.version, action.version_epoch, action.burst) == (None, None, 1)
    assert (action.idempotency.mode, action.whole_event) == (Idempotency.POSITION, False)


def test_actions_on_users_have_the_defaults_of_the_grammar() -> None:
    actions = 'do = "disconnect"\nuser = "{u}"\n[[routes.actions]]\ndo = "refresh"\nuser = "{u}"'

    disconnect, refresh = routes_of(one_route(actions)).routes[0].actions

    assert isinstance(disconnect, DisconnectAction)
    assert (disconnect.code, disconnect.reason, disconnect.max_age_ms) == (4100, "access changed", 0)
    assert isinstance(refresh, RefreshAction)
    assert refresh.mode is RefreshMode.RECONNECT


def test_a_route_inherits_absent_keys_from_the_defaults() -> None:
    defaults = '[defaults]\nformat = "json"\nmax_age = "10m"\non_too_old = "dead_letter"\nidempotency = "off"\n'
    second = one_route(publishing(more='fields = ["id"]\nidempotency = "event"'), 'format = "cloudevents"')

    first, other = routes_of(defaults + SOUND + second.replace("entries", "others")).routes

    assert isinstance(first.reader, JsonReader)
    assert (first.max_age_ms, first.on_too_old) == (600_000, OnTooOld.DEAD_LETTER)
    assert isinstance(other.reader, CloudEventsReader)
    modes = [action.idempotency.mode for route in (first, other) for action in route.actions]  # type: ignore[union-attr]
    assert modes == [Idempotency.OFF, Idempotency.EVENT]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [('"500ms"', 500), ('"30s"', 30_000), ('"10m"', 600_000), ('"2h"', 7_200_000), ('"7d"', 604_800_000), ('"0"', 0)],
)
def test_max_age_is_a_number_with_a_unit(text: str, milliseconds: int) -> None:
    [route] = routes_of(one_route(publishing(), f"max_age = {text}")).routes

    assert route.max_age_ms == milliseconds


def test_each_topic_is_subscribed_to_once_and_a_pattern_labels_the_topics_that_match_it() -> None:
    both = one_route(publishing(), "").replace('["t"]', '["a", "^diary[.].*"]')

    routes = routes_of(both + SOUND.replace("entries", "others").replace('["t"]', '["a", "t"]'))

    assert routes.topics == ("a", "^diary[.].*", "t")
    assert [routes.label(topic) for topic in ("a", "diary.x", "diaryx")] == ["a", "^diary[.].*", ""]
    assert [[route.name for route in routes.of_topic(topic)] for topic in ("a", "diary.x", "diaryx")] == [
        ["entries", "others"],
        ["entries"],
        [],
    ]


PLAIN_PATH = "a path such as family_id, author.id, recipient_ids[], @key, @topic, @timestamp, @header.NAME or @ce.type"
CHANNEL = "segments separated by colons, each a placeholder or a text without white space and without # $ & * , / : { }"
TOPIC = "a topic (1 to 249 letters, digits, . _ and -), or a pattern that begins with ^"
PATTERN = "^ and a pattern without (?, +? or similar, \\d, \\< or similar, { without a number, [:…:], \\ inside []"
SHARED_KEYS = "format, root, descriptor, message, framing, max_age, age_from, on_too_old, on_tombstone"
CONDITION = (
    'a table with field and one of equals, in, not_in, exists, prefix, such as { field = "kind", equals = "chat" }'
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'extra = 1\n[[routes]]\nname = "ab"\ntopics = ["t"]\n[[routes.actions]]\ndo = "refresh"\nuser = "{u}"\n',
            "2: extra: saw an unknown key; accepted: version, defaults, routes",
        ),
        (
            f'{SOUND}"a\\nb" = "{{id}}"',
            "10: routes[1].actions[1].a\\nb: saw an unknown key; accepted: do, max_age, max_channels, "
            "channel, channels, fields, data, max_bytes, tags, skip_history, delta, version, version_epoch, "
            "idempotency, burst",
        ),
        ("", "1: routes: saw nothing; accepted: one table or more, each written as [[routes]]"),
        ("routes = []", "2: routes: saw []; accepted: one table or more, each written as [[routes]]"),
        ("defaults = 3\n" + SOUND, "2: defaults: saw 3; accepted: a table: [defaults]"),
        (
            "[defaults]\nwhere = []\n" + SOUND,
            f"3: defaults.where: saw an unknown key; accepted: {SHARED_KEYS}, idempotency",
        ),
        (
            one_route(publishing(), "wher = []"),
            f"5: routes[1].wher: saw an unknown key; accepted: name, topics, {SHARED_KEYS}, where, actions",
        ),
        (
            SOUND.replace('"entries"', '"Entries"'),
            '3: routes[1].name: saw "Entries"; accepted: 2 to 40 characters: a–z, 0–9 and -',
        ),
        (SOUND.replace('"entries"', '"a"'), '3: routes[1].name: saw "a"; accepted: 2 to 40 characters: a–z, 0–9 and -'),
        (
            SOUND.replace('name = "entries"\n', ""),
            '2: routes[1].name: saw nothing; accepted: a name such as "diary-entry"',
        ),
        (
            SOUND + SOUND,
            '11: routes[2].name: saw "entries", as on line 2; accepted: a different name for each route',
        ),
        (
            SOUND.replace('["t"]', "[]"),
            '4: routes[1].topics: saw []; accepted: a list of topics such as ["diary.entry.created.v1"]',
        ),
        (SOUND.replace('["t"]', '["a",\n""]'), f'5: routes[1].topics[2]: saw ""; accepted: {TOPIC}'),
        (SOUND.replace('["t"]', '["a b"]'), f'4: routes[1].topics[1]: saw "a b"; accepted: {TOPIC}'),
        (SOUND.replace('["t"]', '["t", "t"]'), '4: routes[1].topics: saw ["t","t"]; accepted: different topics'),
        (SOUND.replace('["t"]', "['^(']"), '4: routes[1].topics[1]: saw "^("; accepted: a regular expression'),
        (SOUND.replace('["t"]', "['^a\\d']"), f'4: routes[1].topics[1]: saw "^a\\d"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^(?:a)b']"), f'4: routes[1].topics[1]: saw "^(?:a)b"; accepted: {PATTERN}'),
        (
            SOUND.replace('["t"]', "['^[[:digit:]]']"),
            f'4: routes[1].topics[1]: saw "^[[:digit:]]"; accepted: {PATTERN}',
        ),
        (SOUND.replace('["t"]', "['^[a\\]b]']"), f'4: routes[1].topics[1]: saw "^[a\\]b]"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^[]\\-z]']"), f'4: routes[1].topics[1]: saw "^[]\\-z]"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^ab+?']"), f'4: routes[1].topics[1]: saw "^ab+?"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^a{2}+']"), f'4: routes[1].topics[1]: saw "^a{{2}}+"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^a\\>']"), f'4: routes[1].topics[1]: saw "^a\\>"; accepted: {PATTERN}'),
        (SOUND.replace('["t"]', "['^a{,2}']"), f'4: routes[1].topics[1]: saw "^a{{,2}}"; accepted: {PATTERN}'),
        (
            SOUND.replace('["t"]', "['^[a--b]']"),
            '4: routes[1].topics[1]: saw "^[a--b]"; accepted: a regular expression',
        ),
        (SOUND.replace('["t"]', "['^']"), f'4: routes[1].topics[1]: saw "^"; accepted: {PATTERN}'),
        (
            one_route(publishing(), 'format = "avro"'),
            '5: routes[1].format: saw "avro"; accepted: auto, json, cloudevents, protobuf (Avro is not supported)',
        ),
        (one_route(publishing(), 'root = "a b"'), f'5: routes[1].root: saw "a b"; accepted: {PLAIN_PATH}'),
        (
            one_route(publishing(), 'root = "@key"'),
            '5: routes[1].root: saw "@key"; accepted: a path into the event\'s data, such as payload',
        ),
        (
            one_route(publishing(), 'max_age = "10"'),
            '5: routes[1].max_age: saw "10"; accepted: "0", or a number and its unit such as "500ms", "30s", "10m", '
            '"2h", "7d"',
        ),
        (one_route(publishing(), 'age_from = "a["'), f'5: routes[1].age_from: saw "a["; accepted: {PLAIN_PATH}'),
        (
            one_route(publishing(), 'on_too_old = "skip"'),
            '5: routes[1].on_too_old: saw "skip"; accepted: drop, dead_letter, publish',
        ),
        (
            one_route(publishing(), "on_tombstone = true"),
            "5: routes[1].on_tombstone: saw true; accepted: skip, dead_letter",
        ),
        (
            one_route(publishing(), 'framing = "confluent"'),
            '5: routes[1].framing: saw framing with format = "auto"; accepted: framing with format = "protobuf"',
        ),
        (
            one_route(publishing(), 'format = "protobuf"\nmessage = "a.B"'),
            '2: routes[1].descriptor: saw nothing; accepted: descriptor with format = "protobuf", such as '
            '"identity.binpb"',
        ),
        (
            one_route(publishing(), 'format = "protobuf"\nmessage = "a.B"\ndescriptor = "a.binpb"'),
            "7: routes[1].descriptor: saw a file that cannot be read (No such file or directory); accepted: a file "
            "made by protoc --include_imports --descriptor_set_out=… that contains the message",
        ),
        (
            f'[defaults]\ndescriptor = "{"é" * 2049}"\n{SOUND}',
            "3: defaults.descriptor: saw a text of 4098 bytes; accepted: at most 4096 bytes",
        ),
        (one_route(publishing(), "where = {}"), "5: routes[1].where: saw {}; accepted: a list"),
        (one_route(publishing(), "where = false"), "5: routes[1].where: saw false; accepted: a list"),
        (
            one_route(publishing(), 'where = [{ field = "a", equals = 1 },\n{ field = "a" }]'),
            f'6: routes[1].where[2]: saw {{"field":"a"}}; accepted: {CONDITION}',
        ),
        (
            one_route(publishing(), 'where = [{ field = "a", equals = 1, prefix = "x" }]'),
            f'5: routes[1].where[1]: saw {{"field":"a","equals":1,"prefix":"x"}}; accepted: {CONDITION}',
        ),
        (
            one_route(publishing(), 'where = [{ field = "a", equals = [] }]'),
            "5: routes[1].where[1]: saw []; accepted: a text, a number or a boolean",
        ),
        (
            one_route(publishing(), 'where = [{ field = "a", in = [] }]'),
            "5: routes[1].where[1]: saw []; accepted: a list of texts, numbers and booleans that is not empty",
        ),
        (
            one_route(publishing(), 'where = [{ field = "a", exists = "yes" }]'),
            '5: routes[1].where[1]: saw "yes"; accepted: true or false',
        ),
        (
            one_route(publishing(), 'where = [{ field = "a", not_in = [1.5, nan] }]'),
            "5: routes[1].where[1]: saw nan; accepted: a finite number",
        ),
        (
            one_route(publishing(), 'where = [{ field = "a[]", equals = 1 }]'),
            '5: routes[1].where[1]: saw "a[]"; accepted: a path without []',
        ),
        (
            '[[routes]]\nname = "entries"\ntopics = ["t"]\n',
            "2: routes[1].actions: saw nothing; accepted: one table or more, each written as [[routes.actions]]",
        ),
        (
            one_route('do = "subscribe"'),
            '7: routes[1].actions[1].do: saw "subscribe"; accepted: publish, unsubscribe, disconnect, refresh, '
            "history_remove",
        ),
        (
            one_route('do = "refresh"\nuser = "{u}"\nchannel = "a"'),
            "9: routes[1].actions[1].channel: saw an unknown key; accepted: do, max_age, max_channels, user, mode",
        ),
        (
            one_route('do = "publish"\nfields = ["id"]'),
            '6: routes[1].actions[1].channel: saw nothing; accepted: a template such as "family:{family_id}:chat"',
        ),
        (
            one_route(publishing(more='fields = ["id"]\nchannels = ["a"]')),
            "10: routes[1].actions[1].channels: saw channel and channels; accepted: either channel or channels",
        ),
        (one_route(publishing("")), f'8: routes[1].actions[1].channel: saw ""; accepted: {CHANNEL}'),
        (one_route(publishing("a::b")), f'8: routes[1].actions[1].channel: saw "a::b"; accepted: {CHANNEL}'),
        (one_route(publishing("a-{b}")), f'8: routes[1].actions[1].channel: saw "a-{{b}}"; accepted: {CHANNEL}'),
        (
            one_route(publishing("a:{b}{c}")),
            f'8: routes[1].actions[1].channel: saw "a:{{b}}{{c}}"; accepted: {CHANNEL}',
        ),
        (one_route(publishing("a:b#1")), f'8: routes[1].actions[1].channel: saw "a:b#1"; accepted: {CHANNEL}'),
        (
            one_route(publishing("a:{{b}}")),
            '8: routes[1].actions[1].channel: saw "a:{{b}}"; accepted: printable text, with braces only '
            "around placeholders",
        ),
        (
            one_route(publishing("a:{b")),
            '8: routes[1].actions[1].channel: saw "a:{b"; accepted: {path} for a placeholder, {{ and }} for braces',
        ),
        (
            one_route(publishing("a:{b?}")),
            '8: routes[1].actions[1].channel: saw "{b?}"; accepted: a placeholder without ?, because this '
            "value is required",
        ),
        (one_route(publishing("a:{}")), f'8: routes[1].actions[1].channel: saw ""; accepted: {PLAIN_PATH}'),
        (
            one_route(publishing("a:{x[]}:{y[]}")),
            '8: routes[1].actions[1].channel: saw "a:{x[]}:{y[]}"; accepted: at most one [] in a template',
        ),
        (
            one_route(publishing("a:{x[].y[]}")),
            '8: routes[1].actions[1].channel: saw "x[].y[]"; accepted: [] only once in a path',
        ),
        (
            one_route(publishing("a:" + "b" * 254)),
            "8: routes[1].actions[1].channel: saw a text of 256 bytes; accepted: at most 255 bytes",
        ),
        (
            one_route(publishing(more="")),
            "6: routes[1].actions[1].data: saw neither fields nor data; accepted: either fields or data",
        ),
        (
            one_route(publishing(more='fields = ["id"]\ndata = "*"')),
            "10: routes[1].actions[1].data: saw fields and data; accepted: either fields or data",
        ),
        (
            one_route(publishing(more='data = "{id}"')),
            '9: routes[1].actions[1].data: saw "{id}"; accepted: a table such as { id = "{entry_id}" }, or "*" for the '
            "whole event",
        ),
        (
            one_route(publishing(more='data = { ids = "{ids[]}" }')),
            '9: routes[1].actions[1].data: saw "ids[]"; accepted: a path without []',
        ),
        (
            one_route(publishing(more="data = { n = inf }")),
            "9: routes[1].actions[1].data: saw inf; accepted: a finite number",
        ),
        (
            one_route(publishing(more='fields = ["a.b", "a"]')),
            '9: routes[1].actions[1].fields: saw ["a.b","a"]; accepted: different paths, and no path inside another '
            "path",
        ),
        (
            one_route(publishing(more='fields = ["@key"]')),
            '9: routes[1].actions[1].fields: saw "@key"; accepted: a path into the event\'s data; use the '
            "key `data` for other paths",
        ),
        (
            one_route(publishing(more='fields = ["id"]\nmax_bytes = 0')),
            "10: routes[1].actions[1].max_bytes: saw 0; accepted: an integer, 1–1048576",
        ),
        (
            one_route(publishing(more='fields = ["id"]\nmax_channels = 1001')),
            "10: routes[1].actions[1].max_channels: saw 1001; accepted: an integer, 1–1000",
        ),
        (
            one_route(publishing(more='fields = ["id"]\nburst = true')),
            "10: routes[1].actions[1].burst: saw true; accepted: an integer, 1–64",
        ),
        (
            one_route(publishing(more='fields = ["id"]\ndelta = 1')),
            "10: routes[1].actions[1].delta: saw 1; accepted: true or false",
        ),
        (
            one_route(publishing(more='fields = ["id"]\ntags = { n = 1 }')),
            '10: routes[1].actions[1].tags: saw 1; accepted: a text, such as "{user_id}"',
        ),
        (
            one_route(publishing(more='fields = ["id"]\nversion = 1')),
            '10: routes[1].actions[1].version: saw 1; accepted: a template with a placeholder, such as "{version}"',
        ),
        (
            one_route(publishing(more='fields = ["id"]\nversion = "7"')),
            '10: routes[1].actions[1].version: saw "7"; accepted: a template with a placeholder, such as "{version}"',
        ),
        (
            one_route(publishing(more='fields = ["id"]\nidempotency = { event = "id" }')),
            '10: routes[1].actions[1].idempotency: saw "id"; accepted: a template with a placeholder, such as "{id}"',
        ),
        (
            one_route(publishing(more='fields = ["id"]\nversion_epoch = "{e}"')),
            "10: routes[1].actions[1].version_epoch: saw version_epoch without version; accepted: version_epoch "
            "together with version",
        ),
        (
            one_route(publishing(more='fields = ["id"]\nidempotency = "key"')),
            '10: routes[1].actions[1].idempotency: saw "key"; accepted: position, event, off, or { event = "{path}" }',
        ),
        (
            one_route('do = "disconnect"\nuser = ""'),
            '8: routes[1].actions[1].user: saw ""; accepted: printable text that is not empty, such as "{user_id}"',
        ),
        (
            one_route('do = "disconnect"\nuser = "a\\u0000{u}"'),
            '8: routes[1].actions[1].user: saw "a\\x00{u}"; accepted: printable text that is not empty, such as '
            '"{user_id}"',
        ),
        (
            one_route('do = "disconnect"'),
            '6: routes[1].actions[1].user: saw nothing; accepted: a template such as "{user_id}"',
        ),
        (
            one_route('do = "disconnect"\nuser = "{u}"\ncode = 100000'),
            "9: routes[1].actions[1].code: saw 100000; accepted: an integer, 4000–4999",
        ),
        (
            one_route(f'do = "disconnect"\nuser = "{{u}}"\nreason = "{"é" * 62}"'),
            f'9: routes[1].actions[1].reason: saw "{"é" * 62}"; accepted: a text of at most 123 bytes',
        ),
        (
            one_route('do = "refresh"\nuser = "{u}"\nmode = "now"'),
            '9: routes[1].actions[1].mode: saw "now"; accepted: reconnect, ask',
        ),
        (
            one_route('do = "unsubscribe"\nuser = "{u[]}"\nchannel = "a:{c[]}"'),
            "9: routes[1].actions[1].channel: saw [] in user and in channel; accepted: [] in only one of user and "
            "channel",
        ),
        (one_route(publishing(more=f"data = {{ x = {'[' * 100 + ']' * 100} }}")), f"9: {TOO_DEEP}"),
        (one_route(publishing(more=f"data.{'x.' * 3000}x = 1")), f"6: {TOO_DEEP}"),
    ],
)
def test_a_fault_names_the_line_the_key_and_what_was_seen_and_accepted(text: str, sentence: str) -> None:
    assert fault(text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "version = 1\nx = ",
            "routes.toml:2: file: saw invalid TOML: Invalid value (at end of document); accepted: TOML",
        ),
        (SOUND, "routes.toml:1: version: saw nothing; accepted: version = 1"),
        (f"version = 2\n{SOUND}", "routes.toml:1: version: saw 2; accepted: 1"),
        ("x = " + "[" * 5000 + "]" * 5000, "routes.toml:1: file: saw tables nested too deeply; accepted: TOML"),
        (f"x = {'9' * 5000}", "routes.toml:1: file: saw a number with too many digits; accepted: TOML"),
        (
            'version = "\u2028"\n\nx = \n',
            "routes.toml:3: file: saw invalid TOML: Invalid value (at line 3, column 5); accepted: TOML",
        ),
        (
            'version = "\u2028"\nx = [',
            "routes.toml:2: file: saw invalid TOML: Invalid value (at end of document); accepted: TOML",
        ),
    ],
)
def test_a_fault_of_the_whole_file_names_a_line(text: str, sentence: str) -> None:
    assert faults_of(text) == [sentence]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('["a\u2028b", "\u202e"]', r'["a\u2028b","\u202e"]'),
        (r'{ "k\n\u2029" = "x\ny" }', r'{"k\n\u2029":"x\ny"}'),
        ('[[{ a = ["\x85"] }]]', r'[[{"a":["\x85"]}]]'),
        ("[[[[[1]]]], 2.5, true]", '[[[["…"]]],2.5,true]'),
        ("[1979-05-27, nan, 18446744073709551616]", '["1979-05-27",NaN,18446744073709551616]'),
        (f"0x{'f' * 5000}", f"0x{'f' * 78}…"),
        (f"[0x{'f' * 5000}]", f'["0x{"f" * 76}…'),
    ],
)
def test_the_message_shows_a_nested_value_on_one_line(value: str, shown: str) -> None:
    assert faults_of(f"version = {value}\n{SOUND}") == [f"routes.toml:1: version: saw {shown}; accepted: 1"]


def test_every_fault_of_a_file_is_reported_in_the_order_of_the_lines() -> None:
    text = "version = 1\n" + one_route('do = "publish"\nchannel = ""\nfields = []', 'format = "xml"\nmax_age = 3')

    assert [sentence.split(" saw ")[0] for sentence in faults_of(text)] == [
        "routes.toml:5: routes[1].format:",
        "routes.toml:6: routes[1].max_age:",
        "routes.toml:9: routes[1].actions[1].channel:",
        "routes.toml:10: routes[1].actions[1].fields:",
    ]


def test_a_file_has_at_most_256_routes_and_a_route_has_at_most_16_actions() -> None:
    many = "".join(SOUND.replace("entries", f"entries-{number}") for number in range(257))
    long = SOUND + "".join(f"[[routes.actions]]\n{publishing()}\n" for _ in range(16))

    assert fault(many) == "2: routes: saw 257 tables; accepted: at most 256"
    assert fault(long) == "6: routes[1].actions: saw 17 tables; accepted: at most 16"


def versioned(channel: str, name: str, *, version: bool = True) -> str:
    more = 'fields = ["id"]' + ('\nversion = "{version}"' if version else "")
    return one_route(publishing(channel, more)).replace("entries", name)


@pytest.mark.parametrize(("channel", "same"), [("entry:{id}", "entry:{id}"), ("entry:{id}", "entry:{entry_id}")])
def test_a_version_is_refused_where_another_action_publishes_to_the_same_channels(channel: str, same: str) -> None:
    text = "version = 1\n" + versioned(channel, "first") + versioned(same, "second", version=False)

    assert faults_of(text) == [
        f'routes.toml:10: routes[1].actions[1].version: saw version in "{channel}", but action 1 of route second '
        f'(line 15) also publishes to "{same}"; accepted: version only in a channel to which no other action '
        "publishes, because Centrifugo keeps one version per channel"
    ]


def test_two_versions_in_one_channel_are_two_faults() -> None:
    text = "version = 1\n" + versioned("entry:{id}", "first") + versioned("entry:{id}", "second")

    assert [sentence.split(" saw ")[0] for sentence in faults_of(text)] == [
        "routes.toml:10: routes[1].actions[1].version:",
        "routes.toml:19: routes[2].actions[1].version:",
    ]


def test_versions_in_different_channels_are_accepted() -> None:
    assert routes_of(versioned("entry:{id}", "first") + versioned("event:{id}", "second")).topics == ("t",)


def test_a_missing_or_binary_file_is_reported_as_a_fault(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"version = 1\n\xff")

    assert load_faults(tmp_path / "absent.toml") == [
        f"{tmp_path}/absent.toml:1: file: saw a file that cannot be read (No such file or directory); accepted: TOML"
    ]
    assert load_faults(binary) == [f"{binary}:2: file: saw text that is not UTF-8; accepted: TOML in UTF-8"]


def load_faults(file: Path) -> list[str]:
    with pytest.raises(RoutesError) as error:
        load_routes(str(file))
    return str(error.value).splitlines()


@pytest.mark.parametrize("value", [1, "x", [1], {"a": {"b": 1}}, [], {}, True, 1.5, "a\nb", None])
@pytest.mark.parametrize("key", ["name", "topics", "format", "root", "where", "max_age", "age_from", "actions"])
def test_a_value_of_a_wrong_type_is_reported_as_a_fault_and_raises_no_other_exception(key: str, value: Any) -> None:
    sentences = faults_of(f"version = 1\n[[routes]]\n{key} = {toml(value)}\n" if value is not None else "[[routes]]\n")

    assert all(" saw " in sentence and "; accepted: " in sentence for sentence in sentences)
    assert len(sentences) >= 2


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"'.replace("\n", "\\n") if isinstance(value, str) else str(value)


def test_an_unsubscribe_names_a_user_and_a_channel() -> None:
    [route] = routes_of(one_route('do = "unsubscribe"\nuser = "{u}"\nchannel = "a:{c}"\nmax_age = "1h"')).routes

    [action] = route.actions
    assert isinstance(action, UnsubscribeAction)
    assert (action.user.text, action.channel.text, action.max_age_ms) == ("{u}", "a:{c}", 3_600_000)
