"""Services that hang.

Requests that do not need the hanging service are answered. Most requests that need it are refused at once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from common.adaptive_limit import AdaptiveLimit
from tests.harness.backends import FamilyServiceStub, RpcBackendStub, family_service, grants, returns, rpc_backend
from tests.harness.bodies import POOL_MARKS
from tests.harness.grpc_stub import GrpcStub
from tests.harness.identity import IdentityStub, hangs
from tests.harness.service import Service, uvicorn_service
from tests.harness.waiting import lag, until
from tests.http.session_events.asking import EXPIRED, OPEN, ask, event_body, service_with_policy

POLICY = f"""{OPEN}
[[rpc]]
match = "coach.*"
backend = "coach"

[[channels]]
match = "room:*"
allow = ["subscribe"]
ask_family_service = true
"""
EVENTS = {"identity": "refresh", "family": "subscribe", "diary": "rpc"}
TOO_MANY = {"error": {"code": 100, "message": "too many requests in flight", "temporary": True}}
PLENTY = 70
ABOVE_THE_FLOOR = 90  # the floor of an adaptive limit is 64
Ask = Callable[[], Any]


@dataclass
class Stage:
    """A service, and the services that it calls."""

    running: Service
    identity: IdentityStub
    family: FamilyServiceStub
    diary: RpcBackendStub
    coach: RpcBackendStub

    def hanging(self, name: str) -> tuple[list[Any], Ask]:
        """Let a service hang. Returns the list of the calls to it, and a function that sends a request for it."""
        stub, event, fields = {
            "identity": (self.identity, "refresh", {}),
            "family": (self.family, "subscribe", {"channel": "room:1"}),
            "diary": (self.diary, "rpc", {"method": "diary.list"}),
            "coach": (self.coach, "rpc", {"method": "coach.plan"}),
        }[name]
        assert isinstance(stub, GrpcStub)
        if stub is self.identity:
            self.identity.refresh_script = hangs
            return self.identity.refreshes, lambda: ask(self.running, event, **fields)
        stub.script = hangs
        return stub.calls, lambda: ask(self.running, event, **fields)

    async def answers(self) -> dict[str, Any]:
        """The answers to session events that need no service, and to a connect.

        The refresh is that of a fallback connection: it needs no call to identity.
        """
        pool_refresh = self.running.http.post("/centrifugo/refresh", json=event_body(meta=POOL_MARKS))
        return {
            "subscribe": result(await ask(self.running, "subscribe", channel="family:f-1")),
            "sub_refresh": result(await ask(self.running, "sub_refresh", channel="family:f-1")),
            "publish": result(await ask(self.running, "publish", channel="family:f-1", data=1)),
            "refresh": result(await pool_refresh),
            "connect": (await self.running.connect()).status_code,
        }


ANSWERED = {"subscribe": {"result": {}}, "sub_refresh": {"result": {}}, "publish": {"result": {}}} | {
    "refresh": EXPIRED,
    "connect": 200,
}


def result(response: httpx.Response) -> Any:
    return response.json() if response.status_code == 200 else response.status_code


@asynccontextmanager
async def staged(identity: IdentityStub, **options: Any) -> AsyncIterator[Stage]:
    """A service behind uvicorn that answers all events, and the services that it calls. By default, none hangs."""
    deadlines = dict.fromkeys(("RPC_DEADLINE_MS", "FAMILY_SERVICE_DEADLINE_MS", "IDENTITY_VALIDATE_DEADLINE_MS"), 30000)
    async with (
        rpc_backend(returns(b"1")) as diary,
        rpc_backend(returns(b"2")) as coach,
        family_service(grants()) as family,
    ):
        parts = {
            "RPC_BACKENDS": {"diary": diary.address, "coach": coach.address},
            "FAMILY_SERVICE_GRPC_ADDRESS": family.address,
            "CENTRIFUGO_REFRESH": "on",
        }
        async with service_with_policy(
            POLICY, identity.address, serve=uvicorn_service, **{**deadlines, **parts, **options}
        ) as running:
            yield Stage(running, identity, family, diary, coach)


@asynccontextmanager
async def stuck(
    calls: list[Any], request: Ask, count: int = PLENTY
) -> AsyncIterator[list["asyncio.Task[httpx.Response]"]]:
    """Many requests for a hanging service. Some are refused. The others wait until the end of the context."""
    tasks = [asyncio.create_task(request()) for _ in range(count)]
    await until(lambda: len(calls) + sum(map(asyncio.Task.done, tasks)) >= count)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("identity", ResponseMode.ENVELOPE),
        ("family", ResponseMode.HTTP),
        ("diary", ResponseMode.HTTP),
        ("diary", ResponseMode.ENVELOPE),
    ],
)
async def test_requests_that_do_not_need_a_hanging_service_are_answered(
    identity: IdentityStub, name: str, mode: ResponseMode
) -> None:
    async with staged(identity, PROXY_MAX_INFLIGHT=100, CENTRIFUGO_RESPONSE_MODE=mode) as stage:
        overloaded = f'realtime_proxy_requests_total{{outcome="overloaded",type="{EVENTS[name]}"}}'
        before = await stage.running.metric(overloaded)

        async with stuck(*stage.hanging(name)) as requests:
            answers = await stage.answers()
            rpc = result(await ask(stage.running, "rpc", method="coach.plan"))
            refused = [task.result() for task in requests if task.done()]

        counted = await stage.running.metric(overloaded) - before

    as_200 = mode is ResponseMode.ENVELOPE and name != "identity"
    assert (answers, rpc) == (ANSWERED, {"result": {"data": 2}})
    assert {(response.status_code, response.text) for response in refused} == {
        (200 if as_200 else 503, httpx.Response(200, json=TOO_MANY).text)
    }
    assert (len(refused), counted) == (PLENTY - 52, PLENTY - 52)


async def test_three_hanging_services_leave_slots_to_a_fourth_service(identity: IdentityStub) -> None:
    async with (
        staged(identity, PROXY_MAX_INFLIGHT=100) as stage,
        stuck(*stage.hanging("identity")),
        stuck(*stage.hanging("family")),
        stuck(*stage.hanging("diary")),
    ):
        answers = await stage.answers()
        rpc = result(await ask(stage.running, "rpc", method="coach.plan"))
        in_flight = stage.running.runtime.capacity.taken

    assert (answers, rpc) == (ANSWERED, {"result": {"data": 2}})
    assert in_flight == 52 + 17 + 6


async def test_after_a_lag_of_the_event_loop_other_requests_are_answered_although_earlier_calls_hang(
    identity: IdentityStub,
) -> None:
    async with staged(identity) as stage:
        limit = stage.running.runtime.capacity
        assert isinstance(limit, AdaptiveLimit)
        limit.limit = 1000.0
        async with stuck(*stage.hanging("diary"), ABOVE_THE_FLOOR):
            waiting = limit.taken
            async with asyncio.timeout(20):
                while limit.limit >= waiting:
                    lag()
                    await asyncio.sleep(0.01)

            answers = await stage.answers()
            room = result(await ask(stage.running, "subscribe", channel="room:1"))
            rpc = result(await ask(stage.running, "rpc", method="coach.plan"))
            still_waiting, now = limit.taken, int(limit.limit)

    assert (answers, room, rpc) == (ANSWERED, {"result": {}}, {"result": {"data": 2}})
    assert waiting == still_waiting > now
    await until(lambda: limit.taken == limit.overstaying == 0)
