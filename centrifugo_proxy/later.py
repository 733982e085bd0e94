"""The events beside connect: their clients opened, their handlers put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from centrifugo_proxy import metrics
from centrifugo_proxy.assembly import answered_events, tls_files
from centrifugo_proxy.backends_grpc import GrpcFamilyService, GrpcRpcBackend
from centrifugo_proxy.capacity import Capacity
from centrifugo_proxy.event_wire import parse_event
from centrifugo_proxy.events.channel_gate import ChannelGate, Subjects
from centrifugo_proxy.events.event import Clock, Event
from centrifugo_proxy.events.publish import Publish
from centrifugo_proxy.events.refresh import Refresh
from centrifugo_proxy.events.rpc import Rpc
from centrifugo_proxy.events.sub_refresh import SubRefresh
from centrifugo_proxy.events.subscribe import Subscribe
from centrifugo_proxy.grpc_call import Peer
from centrifugo_proxy.grpc_channel import open_channel
from centrifugo_proxy.identity_grpc import GrpcRefreshClient
from centrifugo_proxy.modes import NEVER_ENVELOPED
from centrifugo_proxy.policy_loading import load_policy
from centrifugo_proxy.runtime import EventHandler
from centrifugo_proxy.spans import Tracer

if TYPE_CHECKING:
    from django.conf import LazySettings


@asynccontextmanager
async def open_later_events(
    settings: "LazySettings", clock: Clock, identity: Peer
) -> AsyncIterator[Mapping[str, EventHandler]]:
    """The events of these settings beside connect. Raises PolicyError."""
    subjects = Subjects()
    async with AsyncExitStack() as stack:
        events: dict[str, Event] = {"refresh": _refresh(settings, subjects, clock, identity)}
        if settings.CHANNEL_POLICY_PATH:
            events |= await _policy_events(settings, subjects, clock, identity.tracer, stack)
        yield {name: _handler(name, events[name]) for name in answered_events(settings) if name in events}


def _handler(name: str, event: Event) -> EventHandler:
    """On the refreshes a failed call lets go on for a minute what an error would end."""
    return EventHandler(parse_event, event, unavailable_status=503 if name in NEVER_ENVELOPED else 200)


def _refresh(settings: "LazySettings", subjects: Subjects, clock: Clock, identity: Peer) -> Refresh:
    client = GrpcRefreshClient(replace(identity, observe=metrics.backend_observer(metrics.REFRESH)))
    return Refresh(client, subjects, clock, settings.CENTRIFUGO_INFO_FIELDS)


async def _policy_events(
    settings: "LazySettings", subjects: Subjects, clock: Clock, tracer: Tracer, stack: AsyncExitStack
) -> dict[str, Event]:
    policy, peers = load_policy(settings), _Peers(settings, tracer, stack)
    gate = ChannelGate(policy, subjects, await peers.family_service())
    ttl_s = settings.CHANNEL_SUBSCRIPTION_TTL_S
    return {
        "subscribe": Subscribe(gate, clock, ttl_s),
        "sub_refresh": SubRefresh(gate, clock, ttl_s),
        "publish": Publish(gate),
        "rpc": Rpc(policy, subjects, await peers.backends()),
    }


@dataclass(frozen=True, slots=True)
class _Peers:
    """The services behind the policy's rules, each on a channel of its own that `stack` closes."""

    settings: "LazySettings"
    tracer: Tracer
    stack: AsyncExitStack

    async def family_service(self) -> GrpcFamilyService | None:
        target = self.settings.FAMILY_SERVICE_GRPC_ADDRESS
        if not target:
            return None
        deadline_ms = self.settings.FAMILY_SERVICE_DEADLINE_MS
        return GrpcFamilyService(await self._open(metrics.FAMILY_SERVICE, target, deadline_ms))

    async def backends(self) -> dict[str, GrpcRpcBackend]:
        deadline_ms = self.settings.RPC_DEADLINE_MS
        return {
            name: GrpcRpcBackend(replace(await self._open(metrics.rpc_backend(name), target, deadline_ms), name=name))
            for name, target in self.settings.RPC_BACKENDS.items()
        }

    async def _open(self, label: str, target: str, deadline_ms: int) -> Peer:
        """A service whose calls are counted under `label`, and bounded."""
        tls = tls_files(self.settings)
        own_name = tls and replace(tls, server_name="")  # the override is identity's name
        grpc_channel = await self.stack.enter_async_context(open_channel(target, own_name))
        grpc_channel.get_state(try_to_connect=True)
        capacity = Capacity(self.settings.RPC_MAX_INFLIGHT)
        metrics.watch_backend(label, capacity)
        return Peer(
            grpc_channel=grpc_channel,
            deadline_s=deadline_ms / 1000,
            observe=metrics.backend_observer(label),
            tracer=self.tracer,
            capacity=capacity,
        )
