"""Connects to the services that the session events call, and builds the handlers of the events."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from centrifugo_proxy.events.base import Clock, Event
from centrifugo_proxy.events.channel_gate import ChannelGate
from centrifugo_proxy.events.owners import Owners
from centrifugo_proxy.events.publish import Publish
from centrifugo_proxy.events.refresh import Refresh
from centrifugo_proxy.events.rpc import Rpc
from centrifugo_proxy.events.sub_refresh import SubRefresh
from centrifugo_proxy.events.subscribe import Subscribe
from centrifugo_proxy.peers.backends import FAMILY_SERVICE, rpc_backend
from centrifugo_proxy.peers.backends_grpc import GrpcFamilyService, GrpcRpcBackend
from centrifugo_proxy.peers.channel_options import SMALL_MESSAGE_BYTES
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.identity_grpc import GrpcRefreshClient
from centrifugo_proxy.peers.session_slots import SessionSlots
from centrifugo_proxy.protocol.codes import REFRESH_EVENTS
from centrifugo_proxy.protocol.session_events import parse_event
from centrifugo_proxy.spans import Tracer
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.wiring.assembly import answered_events
from centrifugo_proxy.wiring.peers import open_backend
from centrifugo_proxy.wiring.policy import load_policy
from centrifugo_proxy.wiring.runtime import EventHandler
from fallback.outage import OutageDetector

if TYPE_CHECKING:
    from django.conf import LazySettings

    from centrifugo_proxy.peers.spiffe.tunnel import Tunnel


@asynccontextmanager
async def open_session_events(
    settings: "LazySettings",
    clock: Clock,
    identity: Peer,
    detector: OutageDetector,
    *,
    slots: SessionSlots,
    tunnel: "Tunnel | None",
) -> AsyncIterator[Mapping[str, EventHandler]]:
    """The configured session events. Raises PolicyError or TlsFilesRefused.

    `detector` records identity's answers. Each service gets a share of `slots`.
    """
    owners = Owners()
    async with AsyncExitStack() as stack:
        refresh = _refresh(settings, owners, clock, _for_refresh(identity, slots), detector)
        events: dict[str, Event] = {"refresh": refresh}
        if settings.CHANNEL_POLICY_PATH:
            peers = _Peers(settings, identity.tracer, slots, tunnel, stack)
            events |= await _policy_events(settings, owners, clock, peers)
        yield {name: _handler(name, events[name]) for name in answered_events(settings) if name in events}


def _handler(name: str, event: Event) -> EventHandler:
    """For refresh and sub_refresh, the status 503 keeps the connection or subscription for another minute."""
    return EventHandler(parse_event, event, unavailable_status=503 if name in REFRESH_EVENTS else 200)


def _refresh(
    settings: "LazySettings", owners: Owners, clock: Clock, identity: Peer, detector: OutageDetector
) -> Refresh:
    return Refresh(GrpcRefreshClient(identity), owners, clock, settings.CENTRIFUGO_INFO_FIELDS, detector)


def _for_refresh(identity: Peer, slots: SessionSlots) -> Peer:
    """The identity service for the refresh event.

    Its calls are counted separately, and cannot take all slots of the session events.
    """
    return replace(identity, observe=metrics.backend_observer(metrics.REFRESH), share=slots.share())


async def _policy_events(settings: "LazySettings", owners: Owners, clock: Clock, peers: "_Peers") -> dict[str, Event]:
    policy = load_policy(settings)
    gate = ChannelGate(policy, owners, await peers.family_service())
    ttl_s = settings.CHANNEL_SUBSCRIPTION_TTL_S
    return {
        "subscribe": Subscribe(gate, clock, ttl_s),
        "sub_refresh": SubRefresh(gate, clock, ttl_s),
        "publish": Publish(gate),
        "rpc": Rpc(policy, owners, await peers.backends()),
    }


@dataclass(frozen=True, slots=True)
class _Peers:
    """The services that the policy's rules need. Each service has its own channel, which `stack` closes."""

    settings: "LazySettings"
    tracer: Tracer
    slots: SessionSlots
    tunnel: "Tunnel | None"
    stack: AsyncExitStack

    async def family_service(self) -> GrpcFamilyService | None:
        target = self.settings.FAMILY_SERVICE_GRPC_ADDRESS
        if not target:
            return None
        deadline_ms = self.settings.FAMILY_SERVICE_DEADLINE_MS
        return GrpcFamilyService(
            await self._open(FAMILY_SERVICE, target, deadline_ms, response_bytes=SMALL_MESSAGE_BYTES)
        )

    async def backends(self) -> dict[str, GrpcRpcBackend]:
        deadline_ms = self.settings.RPC_DEADLINE_MS
        return {
            name: GrpcRpcBackend(replace(await self._open(rpc_backend(name), target, deadline_ms), name=name))
            for name, target in self.settings.RPC_BACKENDS.items()
        }

    async def _open(self, label: str, target: str, deadline_ms: int, response_bytes: int | None = None) -> Peer:
        opened = open_backend(
            self.settings,
            self.tracer,
            self.tunnel,
            label=label,
            target=target,
            deadline_ms=deadline_ms,
            share=self.slots.share(),
            response_bytes=response_bytes,
        )
        return await self.stack.enter_async_context(opened)
