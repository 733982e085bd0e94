"""The bytes that Centrifugo receives for each command, and the keys that keep commands in order."""

import pytest

from bridge.commands import (
    Command,
    Publish,
    disconnect,
    history_remove,
    publish,
    refresh,
    unsubscribe,
    user_key,
)

DATA = b'{"n": 1}'


def one_of(*channels: str) -> Publish:
    return publish(
        route="entries",
        action=2,
        channels=channels,
        data=DATA,
        tags={"kind": "diary"},
        idempotency_key="t:0:1:2",
        skip_history=True,
        delta=True,
        version=3,
        version_epoch="e",
        burst=8,
    )


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (publish(route="r", action=1, channels=("a:b",), data=DATA), b'{"publish":{"channel":"a:b","data":{"n": 1}}}'),
        (
            one_of("a"),
            b'{"publish":{"channel":"a","data":{"n": 1},"tags":{"kind":"diary"},"idempotency_key":"t:0:1:2",'
            b'"skip_history":true,"delta":true,"version":3,"version_epoch":"e"}}',
        ),
        (
            publish(route="r", action=1, channels=("a", "b"), data=DATA),
            b'{"broadcast":{"channels":["a","b"],"data":{"n": 1}}}',
        ),
        (
            unsubscribe(route="r", action=1, user="u", channel="a"),
            b'{"unsubscribe":{"user":"u","channel":"a"}}',
        ),
        (
            disconnect(route="r", action=1, user="u", code=4100, reason="access changed"),
            b'{"disconnect":{"user":"u","disconnect":{"code":4100,"reason":"access changed"}}}',
        ),
        (refresh(route="r", action=1, user="u", expire_at=None), b'{"refresh":{"user":"u","expired":true}}'),
        (refresh(route="r", action=1, user="u", expire_at=17), b'{"refresh":{"user":"u","expire_at":17}}'),
        (history_remove(route="r", action=1, channel="a"), b'{"history_remove":{"channel":"a"}}'),
    ],
)
def test_a_command_is_encoded_in_centrifugos_format(command: Command, encoded: bytes) -> None:
    assert command.encoded == encoded


@pytest.mark.parametrize(
    ("command", "keys", "kind", "method", "burst"),
    [
        (one_of("a"), ("a",), "publish", "publish", 8),
        (one_of("a", "b"), ("a", "b"), "publish", "broadcast", 8),
        (unsubscribe(route="r", action=1, user="u", channel="a"), ("a", "user\0u"), "unsubscribe", "unsubscribe", 1),
        (
            disconnect(route="r", action=1, user="u", code=4100, reason=""),
            ("user\0u",),
            "disconnect",
            "disconnect",
            1,
        ),
        (refresh(route="r", action=1, user="u", expire_at=None), (user_key("u"),), "refresh", "refresh", 1),
        (history_remove(route="r", action=1, channel="a"), ("a",), "history_remove", "history_remove", 1),
    ],
)
def test_the_keys_of_a_command_are_its_channels_and_its_user(
    command: Command, keys: tuple[str, ...], kind: str, method: str, burst: int
) -> None:
    assert (command.keys, command.kind, command.method, command.burst) == (keys, kind, method, burst)


def test_a_broadcast_can_be_reduced_to_some_of_its_channels() -> None:
    assert one_of("a", "b", "c").only(["c", "a"]) == one_of("a", "c")
    assert one_of("a", "b").only({"b"}) == one_of("b")
