"""`ChannelGate` without the family service that its policy needs, and `Once`, which allows a notice only once."""

import orjson
import pytest

from centrifugo_proxy.events.channel_gate import ChannelGate
from centrifugo_proxy.events.owners import Once, Owners
from centrifugo_proxy.peers.backends import BackendFault
from centrifugo_proxy.policy.file import read_policy
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.protocol.session_events import parse_event
from tests.http.session_events.asking import meta

POLICY_THAT_ASKS = '[[channels]]\nmatch = "room:*"\nallow = ["subscribe"]\nask_family_service = true\n'


async def test_a_rule_that_asks_the_family_service_fails_if_none_is_configured() -> None:
    policy = read_policy(POLICY_THAT_ASKS, path="policy.toml", backends=(), family_service=True)
    gate = ChannelGate(policy, Owners(), family_service=None)
    request = parse_event(orjson.dumps({"user": "u-1", "channel": "room:1", "meta": meta()}))

    with pytest.raises(BackendFault, match=r"^a rule asks the family service, but none is configured$"):
        await gate.judge(request, Action.SUBSCRIBE)


def test_once_returns_true_only_for_the_first_call() -> None:
    once = Once()

    assert [once.first() for _ in range(3)] == [True, False, False]
