"""The expiry of an allowed subscription."""

from centrifugo_proxy.events.decision import Decision, ExpiryCut
from centrifugo_proxy.events.expiry import FURTHEST_END_S
from centrifugo_proxy.events.subscribe import allowed_until
from centrifugo_proxy.protocol.answers import Result

NOW = 1_800_000_000


def test_an_expiry_in_milliseconds_from_the_family_service_is_cut_and_reported() -> None:
    decision = allowed_until(NOW * 1000, NOW, ttl_s=0, notices=())

    assert decision == Decision(
        "allowed", 200, Result({"expire_at": NOW + FURTHEST_END_S}), (ExpiryCut("family_service", NOW * 1000),)
    )
