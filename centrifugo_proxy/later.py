"""The events beside connect: their clients opened, their handlers put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from grpc import aio

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
from centrifugo_proxy.grpc_call import ObserveCall
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
    settings: "LazySettings", clock: Clock, tracer: Tracer, identity_channel: aio.Channel
) -> AsyncIterator[Mapping[str, EventHandler]]:
    """The events of these settings beside connect. Raises PolicyError."""
    subjects = Subjects()
    async with AsyncExitStack() as stack:
        events: dict[str, Event] = {"refresh": _refresh(settings, subjects, clock, tracer, identity_channel)}
        if settings.CHANNEL_POLICY_PATH:
            events |= await _policy_events(settings, subjects, clock, tracer, stack)
        yield {name: _handler(name, events[name]) for name in answered_events(settings) if name in events}


def _handler(name: str, event: Event) -> EventHandler:
    """On the refreshes a failed call lets go on for a minute what an error would end."""
    return EventHandler(parse_event, event, unavailable_status=503 if name in NEVER_ENVELOPED else 200)


def _refresh(
    settings: "LazySettings", subjects: Subjects, clock: Clock, tracer: Tracer, identity_channel: aio.Channel
) -> Refresh:
    deadline_s = settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000
    identity = GrpcRefreshClient(identity_channel, deadline_s, metrics.backend_observer(metrics.REFRESH), tracer)
    return Refresh(identity, subjects, clock, settings.CENTRIFUGO_INFO_FIELDS)


async def _policy_events(
    settings: "LazySettings", subjects: Subjects, clock: Clock, tracer: Tracer, stack: AsyncExitStack
) -> dict[str, Event]:
    policy = load_policy(settings)
    gate = ChannelGate(policy, subjects, await _family_service(settings, tracer, stack))
    ttl_s = settings.CHANNEL_SUBSCRIPTION_TTL_S
    return {
        "subscribe": Subscribe(gate, clock, ttl_s),
        "sub_refresh": SubRefresh(gate, clock, ttl_s),
        "publish": Publish(gate),
        "rpc": Rpc(policy, subjects, await _backends(settings, tracer, stack)),
    }


async def _family_service(settings: "LazySettings", tracer: Tracer, stack: AsyncExitStack) -> GrpcFamilyService | None:
    if not settings.FAMILY_SERVICE_GRPC_ADDRESS:
        return None
    grpc_channel = await _opened(settings, settings.FAMILY_SERVICE_GRPC_ADDRESS, stack)
    observe, capacity = _watched(metrics.FAMILY_SERVICE, settings)
    return GrpcFamilyService(
        grpc_channel, settings.FAMILY_SERVICE_DEADLINE_MS / 1000, observe, tracer, capacity=capacity
    )


async def _backends(settings: "LazySettings", tracer: Tracer, stack: AsyncExitStack) -> dict[str, GrpcRpcBackend]:
    backends = {}
    for name, target in settings.RPC_BACKENDS.items():
        grpc_channel = await _opened(settings, target, stack)
        observe, capacity = _watched(metrics.rpc_backend(name), settings)
        deadline_s = settings.RPC_DEADLINE_MS / 1000
        backends[name] = GrpcRpcBackend(name, grpc_channel, deadline_s, observe, tracer, capacity=capacity)
    return backends


def _watched(service: str, settings: "LazySettings") -> tuple[ObserveCall, Capacity]:
    """What counts a service's calls, and what bounds them."""
    capacity = Capacity(settings.RPC_MAX_INFLIGHT)
    metrics.watch_backend(service, capacity)
    return metrics.backend_observer(service), capacity


async def _opened(settings: "LazySettings", target: str, stack: AsyncExitStack) -> aio.Channel:
    tls = tls_files(settings)
    own_name = tls and replace(tls, server_name="")  # the override is identity's name
    grpc_channel = await stack.enter_async_context(open_channel(target, own_name))
    grpc_channel.get_state(try_to_connect=True)
    return grpc_channel
