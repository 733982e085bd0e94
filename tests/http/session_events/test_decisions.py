"""The policy's decisions over HTTP: one policy, and a table of requests with their answers."""

import logging
from typing import Any

import httpx
import pytest

from tests.harness.bodies import POOL_MARKS
from tests.harness.service import Service
from tests.http.session_events.asking import (
    DEGRADED,
    EXPIRED,
    ask,
    body_of,
    event_body,
    forbidden,
    meta,
    service_with_policy,
)

POLICY = """
[[channels]]
match = "family:{family_id}:chat"
allow = ["subscribe", "publish"]
feature = "chat"

[[channels]]
match = "user:{user}"
allow = ["subscribe"]

[[channels]]
match = "coach:{family_id}:{user}"
allow = ["subscribe", "publish"]
tiers = ["pro", "family"]

[[channels]]
match = "news:*"
allow = ["subscribe", "publish"]
sensitive = false

[[channels]]
match = "open:chat"
allow = ["subscribe"]
sensitive = false
feature = "chat"

[[channels]]
match = "inbox:*"
allow = ["publish"]
"""

ALLOWED: dict[str, Any] = {"result": {}}
NO_RULE = forbidden("not allowed")
NOT_HERE = forbidden("not allowed here")
SCREEN_TIME = forbidden("locked: screen time")
LOCKED = forbidden("locked by a parent")
TIER = forbidden("not in this subscription tier")
UNKNOWN_OWNER = forbidden("the connection's owner is not known")
CHAT = "family:f-1:chat"

TABLE = [
    # a family's chat
    ("subscribe", CHAT, meta(), ALLOWED),
    ("publish", CHAT, meta(), ALLOWED),
    ("subscribe", "family:f-2:chat", meta(), NO_RULE),
    ("publish", "family:f-2:chat", meta(), NO_RULE),
    ("subscribe", CHAT, meta("feature_lock_chat"), LOCKED),
    ("publish", CHAT, meta("feature_lock_chat"), LOCKED),
    ("subscribe", CHAT, meta("feature_lock_diary", "feature_lock_flowcoach"), ALLOWED),
    ("subscribe", CHAT, meta("screen_time_lock"), ALLOWED),
    ("publish", CHAT, meta("screen_time_lock"), SCREEN_TIME),
    ("subscribe", CHAT, meta(degraded=True), DEGRADED),
    ("publish", CHAT, meta(degraded=True), DEGRADED),
    ("subscribe", CHAT, meta(degraded=False), ALLOWED),
    ("subscribe", CHAT, meta(is_admin=True, family_id="f-2"), NO_RULE),
    # a user's own channels
    ("subscribe", "user:u-1", meta(), ALLOWED),
    ("subscribe", "user:u-2", meta(), NO_RULE),
    ("subscribe", "user:f-1", meta(), NO_RULE),
    ("publish", "user:u-1", meta(), NOT_HERE),
    ("publish", "user:u-1", meta("screen_time_lock"), NOT_HERE),
    # channels for paying tiers
    ("subscribe", "coach:f-1:u-1", meta(), ALLOWED),
    ("subscribe", "coach:f-1:u-1", meta(subscription_tier="pro"), ALLOWED),
    ("subscribe", "coach:f-1:u-1", meta(subscription_tier="free"), TIER),
    ("publish", "coach:f-1:u-1", meta(subscription_tier="unspecified"), TIER),
    ("subscribe", "coach:f-2:u-1", meta(), NO_RULE),
    ("subscribe", "coach:f-1:u-2", meta(), NO_RULE),
    ("subscribe", "coach:u-1:f-1", meta(), NO_RULE),
    # channels for all users, also in an outage
    ("subscribe", "news:today", meta(), ALLOWED),
    ("subscribe", "news:today", meta(degraded=True), ALLOWED),
    ("subscribe", "news:today", POOL_MARKS, ALLOWED),
    ("publish", "news:today", meta("screen_time_lock"), SCREEN_TIME),
    ("subscribe", "news:today", meta("screen_time_lock"), ALLOWED),
    ("subscribe", "news", meta(), NO_RULE),
    ("subscribe", "news:", meta(), NO_RULE),
    ("subscribe", "news:a:b", meta(), NO_RULE),
    # the locks of a fallback connection are unknown
    ("subscribe", "open:chat", meta(), ALLOWED),
    ("subscribe", "open:chat", meta("feature_lock_chat"), LOCKED),
    ("subscribe", "open:chat", POOL_MARKS, DEGRADED),
    ("publish", "open:chat", POOL_MARKS, NOT_HERE),
    ("subscribe", CHAT, POOL_MARKS, DEGRADED),
    ("subscribe", "coach:f-1:u-1", POOL_MARKS, DEGRADED),
    ("subscribe", "user:u-2", POOL_MARKS, DEGRADED),
    ("publish", "user:u-2", POOL_MARKS, NO_RULE),
    ("subscribe", "nowhere:1", POOL_MARKS, NO_RULE),
    ("subscribe", "family::chat", POOL_MARKS, NO_RULE),
    ("subscribe", "user:u-1", POOL_MARKS, DEGRADED),
    # channels in which users may only publish
    ("publish", "inbox:1", meta(), ALLOWED),
    ("subscribe", "inbox:1", meta(), NOT_HERE),
    # no rule matches
    ("subscribe", "nowhere", meta(), NO_RULE),
    ("subscribe", "", meta(), NO_RULE),
    ("publish", ":", meta(), NO_RULE),
]


@pytest.mark.parametrize(("event", "channel", "owner", "expected"), TABLE)
async def test_the_first_matching_rule_decides_the_answer(
    event: str, channel: str, owner: dict[str, Any], expected: Any
) -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, event, channel=channel, meta=owner, data={"text": "hello"})

    assert body == expected


@pytest.mark.parametrize(
    "channel",
    [
        "family:F-1:chat",
        "family:f\u20111:chat",  # a non-breaking hyphen
        "family:f-\uff11:chat",  # a full-width digit
        "family:\u0192-1:chat",
        "f\u0430mily:f-1:chat",  # a Cyrillic a
        "family:f-1\u200b:chat",
        "family:f-1\x00:chat",
        "family:f-1 :chat",
        " family:f-1:chat",
        "family:f-1:chat\n",
        "family:f-1:chat:",
        ":family:f-1:chat",
        "family::f-1:chat",
        "family:f-1#u-1:chat",
        "family:f-1:chat#u-1",
        "$family:f-1:chat",
        "family:*:chat",
        "family:{family_id}:chat",
        "family:%66-1:chat",
        "family:f-1/:chat",
    ],
)
async def test_a_channel_whose_name_only_resembles_that_of_the_users_family_is_refused(channel: str) -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "subscribe", channel=channel)

    assert body == NO_RULE


MALFORMED: list[Any] = [
    {},
    [],
    "family",
    7,
    True,
    [meta()],
    {"degraded": True},
    {"fallback_path": "pool"},
    {"degraded": "true", "fallback_path": "pool"},
    {"degraded": 1, "fallback_path": "pool"},
    {"degraded": True, "fallback_path": "elsewhere"},
    meta(fallback_path="pool"),
    meta(fallback_path="pool", degraded=False),
    meta(fallback_path="elsewhere", degraded=True),
    meta(fallback_path=True),
    meta(family_id=None),
    meta(family_id=1),
    meta(family_id=["f-1"]),
    meta(subscription_tier=3),
    meta(subscription_tier="gold"),
    meta(subscription_tier=["family"]),
    meta(is_admin="no"),
    meta(is_admin=0),
    meta(degraded="no"),
    meta(degraded=0),
    meta(degraded=None),
    meta(parental_state=None),
    meta(parental_state={}),
    meta(parental_state=[]),
    meta(parental_state={"screen_time_lock": False}),
    meta(parental_state={**meta()["parental_state"], "feature_lock_chat": 0}),
    meta(parental_state={**meta()["parental_state"], "feature_lock_diary": None}),
    *({name: value for name, value in meta().items() if name != missing} for missing in meta()),
]


@pytest.mark.parametrize("owner", MALFORMED, ids=str)
@pytest.mark.parametrize("event", ["subscribe", "publish"])
async def test_with_a_malformed_meta_even_public_channels_are_refused(owner: Any, event: str) -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, event, channel="news:today", meta=owner)

    assert body == UNKNOWN_OWNER


async def test_a_connection_without_a_user_is_refused() -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "subscribe", channel="news:today", user="")

    assert body == UNKNOWN_OWNER


async def without_meta(running: Service, event: str) -> httpx.Response:
    body = event_body(channel="news:today", method="diary.list")
    del body["meta"]
    return await running.http.post(f"/centrifugo/{event}", json=body)


async def test_without_meta_every_request_is_refused_and_one_warning_per_process_names_the_option(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with service_with_policy(POLICY) as running:
        bodies = [
            (await without_meta(running, event)).json()
            for event in ("subscribe", "publish", "rpc", "sub_refresh", "refresh", "subscribe")
        ]

    assert bodies == [UNKNOWN_OWNER, UNKNOWN_OWNER, UNKNOWN_OWNER, EXPIRED, EXPIRED, UNKNOWN_OWNER]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["include_connection_meta" in record.getMessage() for record in warnings] == [True]


async def test_a_null_meta_is_treated_like_a_missing_one(caplog: pytest.LogCaptureFixture) -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "subscribe", channel="news:today", meta=None)

    assert body == UNKNOWN_OWNER
    assert "include_connection_meta" in caplog.text


async def test_no_warning_is_logged_if_centrifugo_sends_meta(caplog: pytest.LogCaptureFixture) -> None:
    async with service_with_policy(POLICY) as running:
        await ask(running, "subscribe", channel=CHAT)
        await ask(running, "subscribe", channel="family:f-2:chat")
        await ask(running, "subscribe", channel=CHAT, meta={})

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_empty_policy_refuses_every_request() -> None:
    async with service_with_policy("") as running:
        bodies = [
            await body_of(running, event, channel=CHAT, method="diary.list")
            for event in ("subscribe", "publish", "rpc", "sub_refresh")
        ]

    assert bodies == [NO_RULE, NO_RULE, {"error": {"code": 404, "message": "unknown method"}}, EXPIRED]


async def test_an_earlier_rule_decides_even_if_a_later_rule_would_allow_the_request() -> None:
    policy = """
        [[channels]]
        match = "room:staff"
        allow = ["publish"]

        [[channels]]
        match = "room:*"
        allow = ["subscribe"]
    """

    async with service_with_policy(policy) as running:
        bodies = [await body_of(running, "subscribe", channel=channel) for channel in ("room:staff", "room:other")]

    assert bodies == [NOT_HERE, ALLOWED]


@pytest.mark.parametrize(
    ("user", "family", "channel"),
    [
        ("u:1", "f:1", "user:u:1"),
        ("u:1", "f:1", "family:f:1:chat"),
        ("f-1:chat", "x", "family:f-1:chat"),
        ("u-1", "f-1:chat", "family:f-1:chat"),
        ("u-1", "", "family::chat"),
        ("u-1", "*", "family:f-1:chat"),
        ("u-1", "{family_id}", "family:f-1:chat"),
        ("*", "f-9", "user:u-1"),
    ],
)
async def test_an_empty_or_unusual_id_gives_no_access_to_other_channels(user: str, family: str, channel: str) -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "subscribe", user=user, meta=meta(family_id=family), channel=channel)

    assert body == NO_RULE


@pytest.mark.parametrize("family", ["*", "{family_id}", "chat", "family", "ünï", "a b", "🦊", "a/b"])
async def test_a_family_id_with_unusual_characters_is_accepted(family: str) -> None:
    async with service_with_policy(POLICY) as running:
        own = await body_of(running, "subscribe", meta=meta(family_id=family), channel=f"family:{family}:chat")
        other = await body_of(running, "subscribe", meta=meta(family_id=family), channel=CHAT)

    assert (own, other) == (ALLOWED, NO_RULE)
