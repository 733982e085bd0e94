"""The limit of requests in flight, and the metrics that show it."""

import asyncio

from common.adaptive_limit import AdaptiveLimit
from tests.harness.identity import IdentityStub, hangs
from tests.harness.service import service
from tests.harness.waiting import lag


async def test_by_default_the_limit_adapts_and_the_metrics_show_it(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        limit = running.runtime.capacity

        assert isinstance(limit, AdaptiveLimit)
        assert await running.metric("realtime_proxy_inflight_limit") == 100
        assert await running.metric("realtime_event_loop_lag_seconds") >= 0


async def test_the_limit_is_fixed_if_the_setting_is_a_number(identity: IdentityStub) -> None:
    async with service(identity.address, PROXY_MAX_INFLIGHT=7) as running:
        assert await running.metric("realtime_proxy_inflight_limit") == 7


async def test_event_loop_lag_lowers_the_limit_of_a_running_service(identity: IdentityStub) -> None:
    identity.script = hangs
    async with service(identity.address) as running:
        limit = running.runtime.capacity
        assert isinstance(limit, AdaptiveLimit)
        waiting = [asyncio.create_task(running.connect()) for _ in range(90)]

        async with asyncio.timeout(20):
            while limit.limit >= 90:
                lag()
                await asyncio.sleep(0.01)

        assert 64 <= limit.limit < 90
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
