"""Opens the parts of a running service in order, and closes them in reverse."""

import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from centrifugo_proxy.events.base import Clock
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.identity_grpc import GrpcIdentityClient
from centrifugo_proxy.peers.probe import IdentityProbe
from centrifugo_proxy.peers.session_slots import SessionSlots
from centrifugo_proxy.spans import OFF, Tracer
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.claims import ClaimsTelemetry
from centrifugo_proxy.wiring.assembly import answered_events, assemble, build_admission
from centrifugo_proxy.wiring.claims import build_claims, keep_claims
from centrifugo_proxy.wiring.clock import SystemClock
from centrifugo_proxy.wiring.limits import adapting, build_session_slots
from centrifugo_proxy.wiring.peers import open_identity, open_tunnel
from centrifugo_proxy.wiring.runtime import EventHandler, Readiness, Runtime
from common.background import in_background
from common.version import VERSION
from fallback.outage import OutageDetector
from fallback.tickets import LoadedPool
from realtime_site.passing_tracer import PassingTracer
from realtime_site.variables.trace_options import trace_options

if TYPE_CHECKING:
    from django.conf import LazySettings
    from opentelemetry.sdk.trace import SpanProcessor

    from centrifugo_proxy.peers.spiffe.tunnel import Tunnel


@asynccontextmanager
async def open_runtime(
    settings: "LazySettings",
    loaded: LoadedPool,
    clock: Clock | None = None,
    span_processor: "SpanProcessor | None" = None,
) -> AsyncIterator[Runtime]:
    """The runtime of a service with these settings and this pool.

    It is ready until the process receives SIGTERM or the context ends.
    """
    clock = clock or SystemClock()
    claims = build_claims(settings, loaded, clock, ClaimsTelemetry(clock.monotonic))
    admission = build_admission(settings, loaded, claims)
    slots = build_session_slots(settings)
    async with (
        _tracer(settings, span_processor) as tracer,
        open_tunnel(settings) as tunnel,
        open_identity(settings, tracer, tunnel) as identity,
        _session_events(settings, clock, identity, admission.detector, slots=slots, tunnel=tunnel) as session_events,
    ):
        runtime = assemble(
            settings,
            identity=GrpcIdentityClient(identity),
            admission=admission,
            clock=clock,
            tracer=tracer,
            session_slots=slots,
            session_events=session_events,
            probe_identity=GrpcIdentityClient(replace(identity, tracer=OFF)),
            workload_identity=None if tunnel is None else tunnel.source,
        )
        metrics.watch(admission, clock, VERSION)
        metrics.watch_limit(slots.whole)
        async with (
            _probing(runtime.probe),
            keep_claims(claims, partial(_write_low_notice, runtime)),
            adapting(slots),
        ):
            with _ready(runtime.readiness):
                yield runtime


def _write_low_notice(runtime: Runtime) -> None:
    """Warn once if other processes have used so many tickets that the pool is below the watermark."""
    runtime.operator_log.write_notices(runtime.admission.low_notice())


@asynccontextmanager
async def _probing(probe: IdentityProbe) -> AsyncIterator[None]:
    """Run the background probe if it is on, and cancel it at the end of the block."""
    if not probe.interval_s:
        yield
        return
    async with in_background(probe.run()):
        yield


@asynccontextmanager
async def _session_events(
    settings: "LazySettings",
    clock: Clock,
    identity: Peer,
    detector: OutageDetector,
    *,
    slots: SessionSlots,
    tunnel: "Tunnel | None",
) -> AsyncIterator[Mapping[str, EventHandler]]:
    """The handlers of session events. If no session event is configured, their modules are not imported."""
    if answered_events(settings) == ("connect",):
        yield {}
        return
    from centrifugo_proxy.wiring.session_events import open_session_events  # noqa: PLC0415

    async with open_session_events(settings, clock, identity, detector, slots=slots, tunnel=tunnel) as handlers:
        yield handlers


@asynccontextmanager
async def _tracer(settings: "LazySettings", processor: "SpanProcessor | None") -> AsyncIterator[Tracer]:
    """The tracer of these settings. If tracing is off, its packages are not imported, which saves six MiB."""
    options = trace_options(settings)
    if options is None:
        yield PassingTracer()
        return
    if not (options.endpoint or processor):
        yield OFF
        return
    from realtime_site.tracing.setup import open_tracing  # noqa: PLC0415

    async with open_tracing(options, VERSION, processor) as tracer:
        yield tracer


@contextmanager
def _ready(readiness: Readiness) -> Iterator[None]:
    """Ready until the process receives SIGTERM. The server begins to shut down after that."""
    readiness.ready = True
    with _first_on_sigterm(lambda: setattr(readiness, "ready", False)):
        yield
    readiness.ready = False


@contextmanager
def _first_on_sigterm(react: Callable[[], None]) -> Iterator[None]:
    """Call `react` on SIGTERM, and then the server's own handler. Has no effect outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    server_handler = signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        react()
        if callable(server_handler):
            server_handler(number, frame)

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, server_handler)
