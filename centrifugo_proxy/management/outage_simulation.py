"""Plays a simulated outage through the real connect view, with made-up tickets and an in-memory identity service.

The background probe does not run here: the script decides when the probe calls identity.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import orjson
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from centrifugo_proxy.events.base import Clock
from centrifugo_proxy.peers.identity import (
    Identity,
    IdentityAnswer,
    IdentityClient,
    IdentityDenied,
    IdentityUnavailable,
    ParentalState,
    ValidateQuery,
)
from centrifugo_proxy.protocol import guard
from centrifugo_proxy.protocol.codes import ResponseMode, path_of
from centrifugo_proxy.web import views
from centrifugo_proxy.web.responses import View
from centrifugo_proxy.wiring.assembly import assemble, build_admission
from centrifugo_proxy.wiring.runtime import Runtime
from fallback.admission import POOL_MARKS, Admission
from fallback.simulation import Answer, Effect, Step, Ticket
from fallback.tickets import LoadedPool, LoadStatus, TicketPool

if TYPE_CHECKING:
    from django.conf import LazySettings

META: Final = {
    "family_id": "simulated-family",
    "subscription_tier": "free",
    "is_admin": False,
    "parental_state": {
        "screen_time_lock": False,
        "feature_lock_chat": False,
        "feature_lock_diary": False,
        "feature_lock_flowcoach": False,
    },
}
USER: Final = Identity("simulated-user", "simulated-family", "free", False, ParentalState(), expire_at=0)


class Build(Protocol):
    """`assemble`, or a replacement that builds a runtime."""

    def __call__(
        self, settings: "LazySettings", *, identity: IdentityClient, admission: Admission, clock: Clock
    ) -> Runtime: ...


class SimulatedTime(Clock, Protocol):
    """A clock that can wait. Its wall time advances only in waits, so that answers are predictable."""

    async def wait(self, milliseconds: int) -> None: ...


@dataclass
class VirtualTime:
    """Virtual time: it passes only in waits."""

    started: float = field(default_factory=time.time)
    elapsed_ms: int = 0

    def monotonic(self) -> float:
        return self.elapsed_ms / 1000

    def time(self) -> float:
        return self.started + self.elapsed_ms / 1000

    async def wait(self, milliseconds: int) -> None:
        self.elapsed_ms += milliseconds


@dataclass
class RealTime:
    """Real time. The wall time advances only in waits."""

    started: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)

    def monotonic(self) -> float:
        return time.monotonic() - self.started

    def time(self) -> float:
        return self.wall

    async def wait(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)
        self.wall = time.time()


@dataclass
class ScriptedIdentity:
    """An `IdentityClient` in memory. While it is up, it accepts one ticket. While it is down, it does not answer."""

    known: str
    up: bool = True
    calls: int = 0

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        self.calls += 1
        if not self.up:
            raise IdentityUnavailable("UNAVAILABLE")
        return USER if query.ticket == self.known else IdentityDenied("NOT_FOUND")


class Outcome(NamedTuple):
    """An HTTP answer, and the state of the service after this answer."""

    status: int
    body: Any
    identity_asked: bool
    degraded: bool
    tickets_left: int


class Played(NamedTuple):
    """A step with its expected and its actual outcome."""

    name: str
    at_ms: int
    identity: str
    expected: Outcome
    seen: Outcome

    @property
    def ok(self) -> bool:
        return self.expected == self.seen


class Rules(NamedTuple):
    """Predicts the answers from this configuration, without calling the code under test."""

    mode: str
    unavailable_code: int
    connect_ttl_s: int
    info_fields: frozenset[str]

    def expected_answer(self, answer: Answer, ticket: str, wall_now: float) -> tuple[int, Any]:
        """Status and body for a connect with `ticket` at `wall_now`."""
        match answer:
            case Answer.USER:
                info = {name: value for name, value in META.items() if name in self.info_fields}
                return 200, {"result": {"user": "simulated-user", "info": info, "meta": META}}
            case Answer.POOL:
                user = "fallback:" + hashlib.sha256(ticket.encode()).hexdigest()[:12]
                result = {"user": user, "info": POOL_MARKS, "meta": POOL_MARKS, "data": POOL_MARKS}
                return 200, {"result": {**result, "expire_at": int(wall_now) + self.connect_ttl_s}}
            case Answer.UNAVAILABLE:
                reason = "ticket validation temporarily unavailable"
                status = 200 if self.mode == ResponseMode.ENVELOPE else 503
                return status, {"disconnect": {"code": self.unavailable_code, "reason": reason}}


def rules_of(settings: "LazySettings") -> Rules:
    """The rules for a service with these settings."""
    return Rules(
        settings.CENTRIFUGO_RESPONSE_MODE,
        settings.CENTRIFUGO_UNAVAILABLE_CODE,
        settings.FALLBACK_CONNECT_TTL_S,
        settings.CENTRIFUGO_INFO_FIELDS,
    )


async def play(
    settings: "LazySettings", steps: tuple[Step, ...], time: SimulatedTime, build: Build = assemble
) -> AsyncIterator[Played]:
    """Yield each step after playing it. The real pool and the real identity service are not used."""
    tickets = {ticket: secrets.token_urlsafe(32) for ticket in Ticket}
    identity = ScriptedIdentity(known=tickets[Ticket.OTHER])
    pool = TicketPool.of([tickets[Ticket.FIRST], tickets[Ticket.SECOND]], low_watermark=0)
    admission = build_admission(settings, LoadedPool(pool, LoadStatus.LOADED))
    runtime = build(settings, identity=identity, admission=admission, clock=time)
    rules = rules_of(settings)
    for step in steps:
        await time.wait(step.wait_ms)
        identity.up = step.identity_up
        if step.probe:
            await runtime.probe.probe_once()
        ticket = tickets[step.ticket]
        status, body = rules.expected_answer(step.answer, ticket, time.time())
        expected = Outcome(status, body, *step.effect)
        at_ms = round(time.monotonic() * 1000)
        seen = await _send_connect(runtime, identity, ticket)
        yield Played(step.name, at_ms, "up" if step.identity_up else "down", expected, seen)


async def _send_connect(runtime: Runtime, identity: ScriptedIdentity, ticket: str) -> Outcome:
    before = identity.calls
    facts = {"client": "simulation", "transport": "websocket", "protocol": "json", "encoding": "json"}
    body = orjson.dumps({**facts, "data": {"token": ticket}})
    answer = await _request(runtime, views.proxy_views["connect"], "POST", path_of("connect"), body)
    effect = await _effect(runtime, identity.calls > before)
    return Outcome(answer.status_code, orjson.loads(answer.content), *effect)


async def _effect(runtime: Runtime, identity_asked: bool) -> Effect:
    health = orjson.loads((await _request(runtime, views.show_health, "GET", "/health", b"")).content)
    return Effect(identity_asked, health["identity_outage"]["degraded"], health["fallback_pool"]["size"])


async def _request(runtime: Runtime, view: View, method: str, path: str, body: bytes) -> HttpResponse:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": list(headers(runtime.guard, body).items()),
        "state": {"runtime": runtime},
    }
    return await view(ASGIRequest(scope, BytesIO(body)))


def headers(configured: guard.Guard, body: bytes) -> Mapping[bytes, bytes]:
    """The headers of a caller that knows the secrets."""
    sent = {b"content-type": b"application/json"}
    if configured.secrets:
        sent[guard.SIGNATURE_HEADER] = hmac.new(configured.secrets[0], body, hashlib.sha256).hexdigest().encode()
    if configured.tokens:
        sent[guard.TOKEN_HEADER] = configured.tokens[0]
    return sent
