"""The limit of requests in flight, adapted while the service runs."""

from centrifugo_proxy.peers.session_slots import SessionSlots
from centrifugo_proxy.wiring.limits import adapting
from common.adaptive_limit import AdaptiveLimit
from tests.harness.waiting import until

NEVER_LAGS_S = 3600.0


async def test_a_few_slow_connects_beside_many_session_events_do_not_cut_the_limit() -> None:
    whole = AdaptiveLimit(lag_s=NEVER_LAGS_S, latency_s=1.25, start=400)
    slots = SessionSlots(whole)
    for _ in range(200):
        slots.enter()
    for _ in range(25):
        whole.enter()
        whole.leave(2.5)
    whole.refused_by_part()

    async with adapting(slots):
        await until(lambda: whole.limit != 400)

    assert int(whole.limit) == 420
