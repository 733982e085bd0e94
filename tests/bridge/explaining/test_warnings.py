"""Warnings about a valid routes file: alone, with a Centrifugo configuration, and with a policy."""

from pathlib import Path

import pytest

from bridge.explaining.checking import check_file
from bridge.explaining.facts import NamespaceFacts, PolicyFacts, ServerFacts
from tests.bridge.formats.descriptors import descriptor_set
from tests.bridge.given import one_route, publishing

FULL = NamespaceFacts("family", "channel.namespaces[0]", True, True, True, "", True)
NATS = "Centrifugo's NATS broker keeps neither history nor idempotency keys"
VERSIONED = 'fields = ["id"]\nversion = "{version}"'


def warned(
    tmp_path: Path, text: str, server: ServerFacts | None = None, rules: list[PolicyFacts] | None = None
) -> list[str]:
    file = tmp_path / "routes.toml"
    file.write_text(f"version = 1\n{text}")
    report = check_file(str(file), server=server, rules=rules)
    assert report.faults == ()
    return [
        f"{checked.name} {number}: {sentence}" for checked in report.routes for number, sentence in checked.warnings
    ]


def others(text: str) -> str:
    return text.replace("entries", "others")


FEED = (
    "Centrifugo drops a publication if its version is not above the last version in the channel, so events about "
    "different things suppress each other; use version only if a channel carries the whole state of one thing"
)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (one_route(publishing("a:{id}", VERSIONED)), []),
        (
            one_route(publishing(more='data = "*"')),
            ['entries 1: data = "*" publishes the whole event: clients also get fields that producers add later'],
        ),
        (
            one_route(publishing("a:{id}", VERSIONED + "\nskip_history = true")),
            ["entries 1: version has no effect with skip_history: Centrifugo compares versions only in the history"],
        ),
        (one_route(publishing("news", VERSIONED)), [f"entries 1: channel news is the same for all events: {FEED}"]),
        (
            one_route(publishing("user:{ids[]}", VERSIONED)),
            [
                "entries 1: channel user:{ids[]} belongs to one recipient and carries events about different things: "
                "Centrifugo compares the versions of all events in a channel, so these events suppress each other"
            ],
        ),
        (
            one_route(publishing("a:{id}", VERSIONED)) + others(one_route(publishing("a:news"))),
            [
                "entries 1: channel a:{id} may be the same as a:news, to which action 1 of route others publishes: the "
                "publications of that action do not carry this version"
            ],
        ),
        (
            one_route('do = "disconnect"\nuser = "user_id"'),
            ["entries 1: user user_id is the same for every event; to take it from the event, write a path in braces"],
        ),
        (
            one_route('do = "history_remove"\nchannel = "{kind}:{id}"'),
            [
                "entries 1: channel {kind}:{id}: the event chooses the namespace; write the first segment as plain "
                "text if the producers of the topic must not choose it"
            ],
        ),
        (
            one_route(publishing()) + others(one_route(publishing(), 'format = "json"')),
            [
                f"{one} None: route {other} reads topic t in another format: a record that this route cannot read is "
                "dead-lettered; add a condition on @header or @key, so that this route gets only its own records"
                for one, other in (("entries", "others"), ("others", "entries"))
            ],
        ),
        (
            one_route(publishing(), 'where = [{ field = "@header.kind", equals = "x" }]')
            + others(one_route(publishing(), 'format = "json"\nwhere = [{ field = "@header.kind", equals = "y" }]')),
            [],
        ),
    ],
)
def test_a_probable_mistake_gives_a_warning(tmp_path: Path, text: str, sentences: list[str]) -> None:
    assert warned(tmp_path, text) == sentences


HISTORY = "channel.namespaces[0].history_size and channel.namespaces[0].history_ttl"
MISSES = (
    "entries 1: channel family:{family_id}: a client that reconnects does not get what was published while it was "
    "disconnected; set channel.namespaces[0].history_size, channel.namespaces[0].history_ttl and "
    "channel.namespaces[0].force_recovery"
)


@pytest.mark.parametrize(
    ("action", "facts", "sentences"),
    [
        (publishing(), FULL, []),
        (
            publishing("diary:{id}"),
            FULL,
            [
                "entries 1: channel diary:{id}: Centrifugo has no namespace diary: every record would be dead-lettered "
                "(unknown_channel); add it to the configuration"
            ],
        ),
        (publishing(), FULL._replace(recovery=False), [MISSES]),
        (publishing(), FULL._replace(history=False), [MISSES]),
        (publishing(more='fields = ["id"]\nskip_history = true'), FULL._replace(history=False), []),
        (
            publishing(more=VERSIONED),
            FULL._replace(history=False),
            [
                f"entries 1: channel family:{{family_id}}: version has no effect without history; set {HISTORY}",
                MISSES,
            ],
        ),
        (
            publishing(more='fields = ["id"]\ndelta = true'),
            FULL._replace(deltas=False),
            [
                'entries 1: channel family:{family_id}: delta has no effect; set allowed_delta_types = ["fossil"] at '
                "channel.namespaces[0]"
            ],
        ),
        (
            publishing(),
            FULL._replace(data_format="binary"),
            ["entries 1: channel family:{family_id}: publication_data_format is binary, but the bridge publishes JSON"],
        ),
        (publishing(), FULL._replace(data_format="json_object"), []),
        (
            publishing(),
            FULL._replace(streams=False),
            [
                "entries 1: channel family:{family_id}: the subscription_type of its namespace does not accept "
                "publications (rejected); use a stream type"
            ],
        ),
        (
            'do = "history_remove"\nchannel = "family:{family_id}"',
            FULL._replace(history=False),
            [
                "entries 1: channel family:{family_id}: the namespace keeps no history to remove (not_available); set "
                f"{HISTORY}"
            ],
        ),
        (
            'do = "unsubscribe"\nuser = "{u}"\nchannel = "diary:{id}"',
            FULL,
            [
                "entries 1: channel diary:{id}: Centrifugo has no namespace diary: every record would be dead-lettered "
                "(unknown_channel); add it to the configuration"
            ],
        ),
        (
            'do = "unsubscribe"\nuser = "{u}"\nchannel = "family:{id}"',
            FULL._replace(history=False, recovery=False, streams=False),
            [],
        ),
    ],
)
def test_a_mismatch_with_the_centrifugo_configuration_gives_a_warning(
    tmp_path: Path, action: str, facts: NamespaceFacts, sentences: list[str]
) -> None:
    assert warned(tmp_path, one_route(action), ServerFacts(6, ":", (facts,))) == sentences


def test_a_channel_without_a_namespace_takes_its_options_from_without_namespace(tmp_path: Path) -> None:
    server = ServerFacts(6, ":", (FULL._replace(name="", path="channel.without_namespace"),))

    assert warned(tmp_path, one_route(publishing("{id}")), server) == []


def test_the_namespace_ends_at_the_configured_boundary(tmp_path: Path) -> None:
    assert warned(tmp_path, one_route(publishing("family.x:{id}")), ServerFacts(6, ".", (FULL,))) == []


def test_a_version_gives_a_warning_with_centrifugo_5(tmp_path: Path) -> None:
    assert warned(tmp_path, one_route(publishing(more=VERSIONED)), ServerFacts(5, ":", (FULL,))) == [
        "entries 1: Centrifugo v5 ignores version, so older states overwrite newer ones"
    ]


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize(
    ("action", "sentences"),
    [
        (
            publishing("family:{id}", VERSIONED),
            [
                f"entries 1: {NATS}: after a crash of the bridge, clients get some publications twice",
                f"entries 1: {NATS}: version has no effect",
                f"entries 1: {NATS}: a client that reconnects does not get what was published while it was "
                "disconnected",
            ],
        ),
        (publishing("family:{id}", 'fields = ["id"]\nidempotency = "off"\nskip_history = true'), []),
        (
            'do = "history_remove"\nchannel = "family:{id}"',
            [f"entries 1: {NATS}: there is no history to remove (not_available)"],
        ),
        ('do = "disconnect"\nuser = "{id}"', []),
    ],
)
def test_with_the_nats_broker_the_warnings_do_not_depend_on_the_history_options(
    tmp_path: Path, action: str, sentences: list[str], history: bool
) -> None:
    facts = FULL._replace(history=history, recovery=history)

    assert warned(tmp_path, one_route(action), ServerFacts(6, ":", (facts,), nats=True)) == sentences


def rule(match: str, *, subscribe: bool = True) -> PolicyFacts:
    return PolicyFacts("line 3", match, tuple(match.split(":")), subscribe)


NOBODY = "the policy lets no client subscribe to it; change the policy, or remove the route"


@pytest.mark.parametrize(
    ("channel", "rules", "reachable"),
    [
        ("family:{family_id}", [rule("family:{family_id}")], True),
        ("family:{family_id}", [rule("family:*")], True),
        ("family:{family_id}", [rule("*:*")], True),
        ("family:{family_id}", [rule("family:main")], True),
        ("family:main", [rule("family:{family_id}")], True),
        ("family:{family_id}", [], False),
        ("family:{family_id}", [rule("family:{family_id}:chat")], False),
        ("family:{family_id}", [rule("diary:{family_id}")], False),
        ("family:{family_id}", [rule("family:{family_id}", subscribe=False)], False),
        ("family:main", [rule("family:*", subscribe=False), rule("family:main")], False),
        ("family:{family_id}", [rule("family:main", subscribe=False), rule("family:*")], True),
    ],
)
def test_a_channel_to_which_no_client_may_subscribe_gives_a_warning(
    tmp_path: Path, channel: str, rules: list[PolicyFacts], reachable: bool
) -> None:
    sentences = warned(tmp_path, one_route(publishing(channel)), rules=rules)

    assert sentences == ([] if reachable else [f"entries 1: channel {channel}: {NOBODY}"])


def test_routes_that_fill_one_placeholder_of_the_policy_from_different_fields_give_warnings(tmp_path: Path) -> None:
    text = one_route(publishing("family:{family.family_id}:a")) + others(one_route(publishing("family:{user_id}:b")))

    assert warned(tmp_path, text, rules=[rule("family:{family_id}:*")]) == [
        "entries 1: channel family:{family.family_id}:a: this action fills {family_id} in the policy's rule "
        "family:{family_id}:* (line 3) with family_id, but action 1 of route others fills it with user_id; the policy "
        "compares it with the client's family_id, so only one of the two fields can be right",
        "others 1: channel family:{user_id}:b: this action fills {family_id} in the policy's rule family:{family_id}:* "
        "(line 3) with user_id, but action 1 of route entries fills it with family_id; the policy compares it with the "
        "client's family_id, so only one of the two fields can be right",
    ]


ATTRIBUTES = "this format does not read attributes; a binary CloudEvent has this one in @header.ce_"
KEYS = (
    'idempotency = "event" needs attributes, and this format does not read them: every record would be dead-lettered; '
    'name the id of the event, as in { event = "{id}" } or { event = "{@header.ce_id}" }'
)


ON_TYPE = 'where = [{ field = "@ce.type", equals = "x" }, { field = "@header.a", equals = "x" }]'


@pytest.mark.parametrize("form", ["auto", "cloudevents"])
def test_attributes_in_a_format_that_has_them_are_not_warned_about(tmp_path: Path, form: str) -> None:
    text = one_route(publishing(more='fields = ["id"]\nidempotency = "event"'), f'format = "{form}"\n{ON_TYPE}')

    assert warned(tmp_path, text) == []


def test_attributes_in_a_format_without_them_are_warned_about(tmp_path: Path) -> None:
    more = 'data = { at = "{@ce.time?}", of = "{@key}", id = "{id}" }\nidempotency = "event"'

    assert warned(tmp_path, one_route(publishing(more=more), f'format = "json"\n{ON_TYPE}')) == [
        f"entries None: @ce.type is always absent: {ATTRIBUTES}type",
        f"entries 1: @ce.time is always absent: {ATTRIBUTES}time",
        f"entries 1: {KEYS}",
    ]


def of_protobuf(tmp_path: Path, action: str, route: str = "") -> list[str]:
    """The warnings about a route that reads test.v1.Event."""
    (tmp_path / "d.binpb").write_bytes(descriptor_set())
    form = 'format = "protobuf"\ndescriptor = "d.binpb"\nmessage = "test.v1.Event"'
    return warned(tmp_path, one_route(action, f"{form}\n{route}"))


NO_FIELD = "is always absent: test.v1.Event has no such field; paths use the field names of the .proto file"


@pytest.mark.parametrize(
    "path",
    ["user_id", "own.own.inner.x", "free.any.thing", "by.true.x", "counts.any", "label", "kind", "nick?", "at", "raw?"],
)
def test_fields_of_a_protobuf_message_are_not_warned_about(tmp_path: Path, path: str) -> None:
    assert of_protobuf(tmp_path, publishing("a:{user_id}", f'fields = ["{path}"]')) == []


@pytest.mark.parametrize(
    "path", ["userId", "user_id.x", "own.userId", "inners.x", "at.seconds", "label.value", "by.true.y", "counts.any.x"]
)
def test_a_path_that_is_no_field_of_the_protobuf_message_is_warned_about(tmp_path: Path, path: str) -> None:
    assert of_protobuf(tmp_path, publishing("a:{user_id}", f'fields = ["{path}?"]')) == [
        f"entries 1: {path} {NO_FIELD}"
    ]


def test_every_path_of_a_protobuf_route_is_compared_with_the_message(tmp_path: Path) -> None:
    action = publishing(
        "a:{user_id}:{one}",
        'data = { x = ["{two}", "and {three?}"], y = 1 }\nversion = "{four}"\nversion_epoch = "{five}"\n'
        'tags = { t = "{six}" }\nidempotency = { event = "{seven}" }',
    )
    route = 'where = [{ field = "eight", exists = false }]\nage_from = "nine"'

    assert of_protobuf(tmp_path, action, route) == [
        f"entries {number} {NO_FIELD}"
        for number in (
            "None: nine",
            "None: eight",
            *(f"1: {word}" for word in ["two", "three", "one", "six", "four", "five", "seven"]),
        )
    ]
    assert of_protobuf(tmp_path, 'do = "refresh"\nuser = "{ten}"') == [f"entries 1: ten {NO_FIELD}"]


def test_only_the_root_of_a_protobuf_route_is_compared_with_the_message(tmp_path: Path) -> None:
    """Below the root any path may exist, because a text at the root may contain an object in JSON."""
    assert of_protobuf(tmp_path, publishing("a:{id}"), 'root = "user_id"') == []
    assert of_protobuf(tmp_path, publishing("a:{id}"), 'root = "none.here"') == [
        f"entries None: root none.here {NO_FIELD}"
    ]
