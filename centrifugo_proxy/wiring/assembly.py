"""Assembles the runtime from settings and secret files. It opens no connection."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from centrifugo_proxy.events.base import Clock
from centrifugo_proxy.events.connect import Connect
from centrifugo_proxy.events.decision import CallFailed, Notices
from centrifugo_proxy.peers.identity import IdentityClient
from centrifugo_proxy.peers.probe import IdentityProbe, Probed
from centrifugo_proxy.peers.session_slots import SessionSlots
from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.protocol.connect import parse_connect
from centrifugo_proxy.protocol.guard import Guard
from centrifugo_proxy.spans import OFF, Tracer
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.operator_log import OperatorLog
from centrifugo_proxy.wiring.limits import build_session_slots
from centrifugo_proxy.wiring.runtime import EventHandler, Readiness, Runtime
from common.secret_files import read_header_secret
from common.version import VERSION
from fallback.admission import Admission
from fallback.claims.claims import Claims, NoClaims
from fallback.outage import OutageDetector
from fallback.tickets import LoadedPool

if TYPE_CHECKING:
    from django.conf import LazySettings

    from centrifugo_proxy.peers.spiffe.workload_api import SvidSource


def assemble(
    settings: "LazySettings",
    *,
    identity: IdentityClient,
    admission: Admission,
    clock: Clock,
    tracer: Tracer = OFF,
    session_slots: SessionSlots | None = None,
    session_events: Mapping[str, EventHandler] | None = None,
    probe_identity: IdentityClient | None = None,
    workload_identity: "SvidSource | None" = None,
) -> Runtime:
    """A runtime with these settings and parts. Raises SecretError.

    `session_slots` contains the limit of requests in flight. If it is None, the limit is built from the settings.
    `probe_identity` is the client of the background probe. If it is None, the probe uses `identity`.
    """
    operator_log = OperatorLog(clock.monotonic)
    probe = IdentityProbe(
        identity=probe_identity or identity,
        detector=admission.detector,
        monotonic=clock.monotonic,
        interval_s=settings.IDENTITY_PROBE_INTERVAL_MS / 1000,
        report=partial(_report_probe, operator_log),
    )
    connect = Connect(
        identity=identity,
        admission=admission,
        clock=clock,
        invalid_ticket_code=settings.CENTRIFUGO_INVALID_TICKET_CODE,
        unavailable_code=settings.CENTRIFUGO_UNAVAILABLE_CODE,
        info_fields=settings.CENTRIFUGO_INFO_FIELDS,
        wake_probe=probe.wake,
    )
    slots = session_slots or build_session_slots(settings)
    return Runtime(
        guard=build_guard(settings),
        events={"connect": EventHandler(parse_connect, connect), **(session_events or {})},
        admission=admission,
        capacity=slots.whole,
        session_slots=slots,
        clock=clock,
        mode=settings.CENTRIFUGO_RESPONSE_MODE,
        tracer=tracer,
        readiness=Readiness(),
        operator_log=operator_log,
        probe=probe,
        version=VERSION,
        workload_identity=workload_identity,
    )


def build_admission(settings: "LazySettings", loaded: LoadedPool, claims: Claims | None = None) -> Admission:
    """The fallback with these settings, pool and claims. If `claims` is None, each process decides alone."""
    detector = OutageDetector(
        settings.FALLBACK_DEGRADED_WINDOW_MS / 1000, probing=settings.IDENTITY_PROBE_INTERVAL_MS > 0
    )
    return Admission(detector, loaded.pool, loaded.status, settings.FALLBACK_CONNECT_TTL_S, claims or NoClaims())


def _report_probe(operator_log: OperatorLog, probed: Probed) -> None:
    metrics.identity_probes[probed.outcome].inc()
    failure: Notices = (CallFailed("identity", probed.status),) if probed.status else ()
    operator_log.write_notices(failure + ((probed.transition,) if probed.transition else ()))
    if probed.fault is not None:
        operator_log.write_fault("the probe of identity", probed.fault)


def answered_events(settings: "LazySettings") -> tuple[str, ...]:
    """The events that these settings turn on, in the order of EVENTS. The service answers the others with 501.

    CENTRIFUGO_REFRESH=auto turns refresh on if there is a policy or a fallback pool. Connections that expire need the
    refresh proxy: without it, Centrifugo asks the client for a new token. A JavaScript SDK without `getToken` then
    disconnects permanently.
    """
    policy = bool(settings.CHANNEL_POLICY_PATH)
    automatic = policy or bool(settings.FALLBACK_TICKETS_PATH)
    refresh = {"on": True, "off": False}.get(settings.CENTRIFUGO_REFRESH, automatic)
    return tuple(event for event in EVENTS if event == "connect" or (refresh if event == "refresh" else policy))


def build_guard(settings: "LazySettings") -> Guard:
    """The guard of these settings. Raises SecretError."""
    return Guard(
        secrets=_present(settings, "CENTRIFUGO_PROXY_SECRET", "CENTRIFUGO_PROXY_SECRET_PREVIOUS"),
        tokens=_present(settings, "CENTRIFUGO_PROXY_TOKEN", "CENTRIFUGO_PROXY_TOKEN_PREVIOUS"),
    )


def _present(settings: "LazySettings", *names: str) -> tuple[bytes, ...]:
    values = [secret_setting(settings, name) for name in names]
    return tuple(value for value in values if value)


def secret_setting(settings: "LazySettings", name: str) -> bytes:
    """The secret of the setting `name`, or b"" if it is not set. Raises SecretError."""
    return read_header_secret(name, getattr(settings, name), getattr(settings, f"{name}_FILE"))
