"""What is counted, with its children bound once: every label value exists at 0 from the start.

Labels come from the closed sets below; never a user, channel, client or ticket.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from centrifugo_proxy.events import connect
from centrifugo_proxy.events.base import Clock
from centrifugo_proxy.events.decision import COMMON_OUTCOMES, SESSION_EVENT_OUTCOMES
from centrifugo_proxy.peers import probe
from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.spiffe.results import RESULTS
from centrifugo_proxy.peers.statuses import STATUS_NAMES
from centrifugo_proxy.protocol import guard
from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.telemetry import claims
from common.log_output import dropped_lines
from fallback.admission import Admission
from fallback.tickets import LoadStatus

# How each event can end; connect's own counter leaves out what never came to it.
PROXY_OUTCOMES: Final = {
    event: tuple(dict.fromkeys((connect.OUTCOMES if event == "connect" else SESSION_EVENT_OUTCOMES) + COMMON_OUTCOMES))
    for event in EVENTS
}
IDENTITY, REFRESH, FAMILY_SERVICE = "identity", "identity_refresh", "family_service"
# From one millisecond to past the longest deadline that IDENTITY_VALIDATE_DEADLINE_MS accepts, in seconds.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 75.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter and histogram that nobody reads

POOL_SIZE: Final = Gauge(
    "realtime_fallback_pool_size",
    "Fallback tickets left in this process; with FALLBACK_CLAIMS_URL in the fleet, as last heard: take the maximum of "
    "the processes, not the sum. Only with claims it can rise: when the store comes back empty, or did not answer.",
)
CONNECT: Final = Counter(
    "realtime_centrifugo_connect",
    "Connect requests by outcome. fallback_pool_consumed and fallback_pool_miss are the ones let in and turned away "
    "while identity is down; unavailable are those turned away before the window has passed; fallback_pool_not_open "
    "are those that showed a fallback ticket while identity answered, and kept it.",
    ["outcome"],
)
REQUESTS: Final = Counter(
    "realtime_proxy_requests",
    "Proxy requests by event and outcome, the refused and the overloaded included: all that Centrifugo sent.",
    ["type", "outcome"],
)
DURATION: Final = Histogram(
    "realtime_proxy_duration_seconds",
    "Seconds from a whole request to its answer: what Centrifugo's proxy timeout must stay above.",
    ["type"],
    buckets=BUCKETS,
)
INFLIGHT: Final = Gauge(
    "realtime_proxy_inflight_requests", "Requests being answered now; at PROXY_MAX_INFLIGHT more are refused.", ["type"]
)
IDENTITY_CALLS: Final = Counter(
    "realtime_identity_calls",
    "Validate calls to identity by gRPC status code; UNAVAILABLE and DEADLINE_EXCEEDED are its outages.",
    ["code"],
)
IDENTITY_DURATION: Final = Histogram(
    "realtime_identity_call_duration_seconds",
    "Seconds that identity took for a Validate call, the failed ones included.",
    buckets=BUCKETS,
)
OUTAGE_DEGRADED: Final = Gauge(
    "realtime_identity_outage_degraded",
    "1 while identity has been unreachable for longer than the window, by failures that were seen: alert on it.",
)
OUTAGE_FAILURES: Final = Gauge(
    "realtime_identity_outage_consecutive_failures",
    "Validate calls that failed since a client's call was last answered, those of the background probe included.",
)
LAST_FAILURE: Final = Gauge(
    "realtime_identity_last_failure_timestamp_seconds",
    "Unix time of the last Validate call that got no answer, 0 before the first: whether an outage is of now.",
)
IDENTITY_PROBES: Final = Counter(
    "realtime_identity_probe",
    "Calls of the background probe, which asks identity while calls fail: answered, failed (no answer), or other "
    "(a status that says nothing about an outage).",
    ["outcome"],
)
POOL_STATUS: Final = Gauge(
    "realtime_fallback_pool_status",
    "1 for the load status of the fallback pool that holds; anything but loaded and disabled needs a repair before "
    "the next outage.",
    ["status"],
)
POOL_WATERMARK: Final = Gauge(
    "realtime_fallback_pool_low_watermark", "FALLBACK_LOW_WATERMARK, to compare the pool's size with; 0 = no warning."
)
BACKEND_CALLS: Final = Counter(
    "realtime_backend_calls",
    "Calls that the session events made, by service (an rpc backend is rpc:<its name>) and gRPC status code.",
    ["service", "code"],
)
BACKEND_DURATION: Final = Histogram(
    "realtime_backend_call_duration_seconds",
    "Seconds that a service took for a call of a session event, the failed ones included.",
    ["service"],
    buckets=BUCKETS,
)
BACKEND_INFLIGHT: Final = Gauge(
    "realtime_backend_inflight_calls",
    "Calls that a service works on now; at RPC_MAX_INFLIGHT more are refused as unavailable.",
    ["service"],
)
SVID_EXPIRY: Final = Gauge(
    "realtime_svid_expiry_timestamp_seconds",
    "When this workload's SPIFFE identity expires, in Unix seconds; 0 without one.",
)
SVID_UPDATES: Final = Counter(
    "realtime_svid_updates",
    "Identities that the SPIFFE agent has sent: taken, or bad and refused.",
    ["result"],
)
AGENT_CONNECTED: Final = Gauge(
    "realtime_spiffe_agent_connected", "1 while the SPIFFE agent sends identities; without it the SVID expires."
)
TLS_DIALS: Final = Counter(
    "realtime_tls_dials",
    "Connections to peers with SPIFFE, by result. wrong_id: somebody else answers at the peer's address.",
    ["peer", "result"],
)
GUARD_REFUSALS: Final = Counter(
    "realtime_guard_refusals",
    "Requests refused by the guard: a Centrifugo without the right header, or somebody who should not call.",
    ["reason"],
)
BUILD_INFO: Final = Gauge("realtime_build_info", "Always 1; the version that runs is in the label.", ["version"])


class _DroppedLogLines(Collector):
    """Reads the count at each scrape: nothing may be counted where a log line is dropped."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The one family; `_total` is added to its name."""
        yield CounterMetricFamily("realtime_log_lines_dropped", LOG_LINES_HELP, value=dropped_lines())


LOG_LINES_HELP: Final = (
    "Log lines lost because stdout or stderr is closed, full, broken or not read: look at what collects the logs."
)
REGISTRY.register(_DroppedLogLines())

connects: Final = {outcome: CONNECT.labels(outcome) for outcome in connect.OUTCOMES}
requests: Final = {
    (event, outcome): REQUESTS.labels(event, outcome) for event in EVENTS for outcome in PROXY_OUTCOMES[event]
}
durations: Final = {event: DURATION.labels(event) for event in EVENTS}
inflight: Final = dict.fromkeys(EVENTS, 0)  # plain numbers, read at each scrape
for _event in EVENTS:
    INFLIGHT.labels(_event).set_function(partial(inflight.__getitem__, _event))
identity_calls: Final = {code: IDENTITY_CALLS.labels(code) for code in STATUS_NAMES}
identity_probes: Final = {outcome: IDENTITY_PROBES.labels(outcome) for outcome in probe.OUTCOMES}
pool_statuses: Final = {status: POOL_STATUS.labels(status) for status in LoadStatus}
svid_updates: Final = {result: SVID_UPDATES.labels(result) for result in ("taken", "bad")}
for _result in RESULTS:
    TLS_DIALS.labels(IDENTITY, _result)
guard_refusals: Final = {reason: GUARD_REFUSALS.labels(reason) for reason in guard.REASONS}


def count_request(event: str, outcome: str, seconds: float) -> None:
    """One answered request; refusals by guard or capacity are not connects."""
    requests[event, outcome].inc()
    durations[event].observe(seconds)
    if event == "connect" and outcome in connects:
        connects[outcome].inc()


def observe_identity_call(code: str, seconds: float) -> None:
    """One Validate call that ended with this gRPC status name."""
    identity_calls[code].inc()
    IDENTITY_DURATION.observe(seconds)


def watch(admission: Admission, clock: Clock, version: str) -> None:
    """Have the gauges read this runtime's state at each scrape."""
    POOL_SIZE.set_function(lambda: admission.tickets_left)
    claims.watch(admission.claims)
    POOL_WATERMARK.set(admission.pool.low_watermark)
    for status, gauge in pool_statuses.items():
        gauge.set(status is admission.pool_status)
    OUTAGE_DEGRADED.set_function(lambda: admission.detector.degraded)
    OUTAGE_FAILURES.set_function(lambda: admission.detector.status(clock.monotonic()).consecutive_failure_count)
    LAST_FAILURE.set_function(lambda: _last_failure(admission, clock))
    BUILD_INFO.labels(version).set(1)


def _last_failure(admission: Admission, clock: Clock) -> float:
    """Unix time, from an age: a stepped wall clock shifts the display and nothing else."""
    age_s = admission.detector.status(clock.monotonic()).last_failure_age_s
    return 0.0 if age_s is None else round(clock.time() - age_s, 3)


def rpc_backend(name: str) -> str:
    """The `service` label of an rpc backend."""
    return f"rpc:{name}"


def backend_observer(service: str) -> Callable[[str, float], None]:
    """What counts and times the calls of a service that is configured; its series exist from then on."""
    calls = {code: BACKEND_CALLS.labels(service, code) for code in STATUS_NAMES}
    duration = BACKEND_DURATION.labels(service)

    def observe(code: str, seconds: float) -> None:
        calls[code].inc()
        duration.observe(seconds)

    return observe


def watch_backend(service: str, capacity: Capacity) -> None:
    """Have the gauge read how many calls a backend works on."""
    BACKEND_INFLIGHT.labels(service).set_function(lambda: capacity.taken)
