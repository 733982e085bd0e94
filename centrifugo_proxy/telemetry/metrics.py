"""The metrics. Their series are created at startup, so that every label value begins with 0.
The series of a peer other than identity exist only if the peer is configured.

Metrics that every request changes are tallies (tallies.py). The others are prometheus_client's own metrics.
Label values come from closed sets or from the settings, never from a user, channel, client or ticket.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, disable_created_metrics
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
from centrifugo_proxy.telemetry.tallies import CounterTally, HistogramTally
from common.adaptive_limit import AdaptiveLimit
from common.log_output import dropped_lines
from fallback.admission import Admission
from fallback.tickets import LoadStatus

# The outcomes of each event in realtime_proxy_requests_total.
PROXY_OUTCOMES: Final = {
    event: tuple(dict.fromkeys((connect.OUTCOMES if event == "connect" else SESSION_EVENT_OUTCOMES) + COMMON_OUTCOMES))
    for event in EVENTS
}
IDENTITY, REFRESH = "identity", "identity_refresh"
# Seconds. The last bound is above the longest deadline that IDENTITY_VALIDATE_DEADLINE_MS accepts.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 75.0)

UNAVAILABLE: Final = "UNAVAILABLE"
FILE_DESCRIPTORS: Final = "file_descriptors"

disable_created_metrics()  # type: ignore[no-untyped-call]  # otherwise each counter and histogram has an unused series

POOL_SIZE: Final = Gauge(
    "realtime_fallback_pool_size",
    "Fallback tickets left in this process. With FALLBACK_CLAIMS_URL, it is the number of tickets that were left in "
    "the whole fleet when the store last answered, but never more than the number of tickets in this process. With "
    "FALLBACK_CLAIMS_URL, use the maximum over all processes, not the sum. The value can rise after the store was down "
    "or empty.",
)
REQUESTS: Final = CounterTally(
    "realtime_proxy_requests",
    "All requests from Centrifugo by event and outcome, including those that the guard or the limit of requests in "
    "flight refused.",
    ["type", "outcome"],
    [(event, outcome) for event in EVENTS for outcome in PROXY_OUTCOMES[event]],
)
DURATION: Final = HistogramTally(
    "realtime_proxy_duration_seconds",
    "Seconds from the start of handling a request to its answer. The wait before the start is in "
    "realtime_proxy_queue_delay_seconds. The proxy timeout of Centrifugo must be longer.",
    ["type"],
    buckets=BUCKETS,
    series=[(event,) for event in EVENTS],
)
INFLIGHT: Final = Gauge(
    "realtime_proxy_inflight_requests",
    "Requests in progress. realtime_proxy_inflight_limit limits the sum of all types. An eighth of that limit, rounded "
    "down, is reserved for connects.",
    ["type"],
)
INFLIGHT_LIMIT: Final = Gauge(
    "realtime_proxy_inflight_limit",
    "Maximum number of requests in flight: PROXY_MAX_INFLIGHT. If that setting is auto, it is the number of requests "
    "that this process can answer in time.",
)
QUEUE_DELAY: Final = HistogramTally(
    "realtime_proxy_queue_delay_seconds",
    "Seconds that a request waits in the kernel and in the event loop, from its arrival at this host until the service "
    "begins to handle it.",
    [],
    buckets=BUCKETS,
    series=[()],
)
LOOP_LAG: Final = Gauge(
    "realtime_event_loop_lag_seconds",
    "Latest delay of the event loop in seconds. 0 if PROXY_MAX_INFLIGHT is a number. If PROXY_MAX_INFLIGHT is auto and "
    "more than 64 requests were in flight, a delay above 0.05 seconds lowers the limit.",
)
IDENTITY_CALLS: Final = CounterTally(
    "realtime_identity_calls",
    "Validate calls to identity by gRPC status code. UNAVAILABLE and DEADLINE_EXCEEDED count as evidence of an outage.",
    ["code"],
    [(code,) for code in STATUS_NAMES],
)
IDENTITY_DURATION: Final = HistogramTally(
    "realtime_identity_call_duration_seconds",
    "Duration of Validate calls in seconds, including failed ones.",
    [],
    buckets=BUCKETS,
    series=[()],
)
OUTAGE_DEGRADED: Final = Gauge(
    "realtime_identity_outage_degraded",
    "1 from the failed call that opens the fallback pool until identity answers a client's call or a background probe.",
)
OUTAGE_RECOVERING: Final = Gauge(
    "realtime_identity_outage_recovering",
    "1 while identity answers the background probes, but has not yet answered a client's call.",
)
OUTAGE_FAILURES: Final = Gauge(
    "realtime_identity_outage_consecutive_failures",
    "Number of failed Validate calls in the current streak of failures. Background probes count too. A streak ends "
    "when identity answers a client's call. It also ends when identity answers the probes for "
    "FALLBACK_DEGRADED_WINDOW_MS and no call fails in that time.",
)
LAST_FAILURE: Final = Gauge(
    "realtime_identity_last_failure_timestamp_seconds",
    "Unix time of the last Validate call that the outage detector counted as a failure. 0 before the first failure. It "
    "shows whether an outage is current.",
)
IDENTITY_PROBES: Final = Counter(
    "realtime_identity_probe",
    "Background probes, which the service sends to identity while calls fail. answered: identity answered. failed: "
    "identity did not answer. other: a status that is no evidence of an outage, or an internal error.",
    ["outcome"],
)
POOL_STATUS: Final = Gauge(
    "realtime_fallback_pool_status",
    "1 for the current load status of the fallback pool, 0 for the others. If the status is neither loaded nor "
    "disabled, repair the pool before the next outage.",
    ["status"],
)
POOL_WATERMARK: Final = Gauge(
    "realtime_fallback_pool_low_watermark",
    "FALLBACK_LOW_WATERMARK. The service warns if the pool size falls below this number. 0 means that it never warns.",
)
BACKEND_CALLS: Final = CounterTally(
    "realtime_backend_calls",
    "Calls for session events by service and gRPC status code. The service is rpc:<name> for an rpc backend. Calls "
    "that RPC_MAX_INFLIGHT refuses count as UNAVAILABLE.",
    ["service", "code"],
    [],
)
BACKEND_DURATION: Final = HistogramTally(
    "realtime_backend_call_duration_seconds",
    "Duration of calls for session events in seconds. Failed calls are included. Calls that RPC_MAX_INFLIGHT refuses "
    "are not included.",
    ["service"],
    buckets=BUCKETS,
)
BACKEND_INFLIGHT: Final = Gauge(
    "realtime_backend_inflight_calls",
    "Calls in progress at the family service or an rpc backend. If RPC_MAX_INFLIGHT calls are in progress, further "
    "calls are refused as unavailable. If the service's part of PROXY_MAX_INFLIGHT is taken, they are refused as "
    "overloaded.",
    ["service"],
)
SVID_EXPIRY: Final = Gauge(
    "realtime_svid_expiry_timestamp_seconds",
    "Unix time at which this workload's SPIFFE identity (SVID) expires. 0 if it has no SVID.",
)
SVID_UPDATES: Final = Counter(
    "realtime_svid_updates",
    "SVIDs that the SPIFFE agent sent. taken: the SVID is used. bad: the SVID is refused.",
    ["result"],
)
AGENT_CONNECTED: Final = Gauge(
    "realtime_spiffe_agent_connected",
    "1 while the SPIFFE agent sends SVIDs. While it is 0, the SVID is not renewed, so it will expire.",
)
TLS_DIALS: Final = Counter(
    "realtime_tls_dials",
    "Attempts to connect to peers with SPIFFE, by result. wrong_id: a server with another SPIFFE ID answered.",
    ["peer", "result"],
)
GUARD_REFUSALS: Final = Counter(
    "realtime_guard_refusals",
    "Requests that the guard refused. Either Centrifugo sends no header or a wrong one, or another workload calls the "
    "service.",
    ["reason"],
)
BUILD_INFO: Final = Gauge("realtime_build_info", "Always 1. The label is the running version.", ["version"])
CONNECTIONS_REFUSED: Final = Counter(
    "realtime_connections_refused",
    "Connections closed before a request was read. file_descriptors: the process is near its limit of open files.",
    ["reason"],
)


class _Connects(Collector):
    """The connect requests in REQUESTS, without those that the guard or the limit of requests in flight refused."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily("realtime_centrifugo_connect", CONNECT_HELP, labels=["outcome"])
        for outcome in connect.OUTCOMES:
            family.add_metric([outcome], REQUESTS.counts["connect", outcome])
        yield family


CONNECT_HELP: Final = (
    "Connect requests by outcome. At the beginning of an outage, the outcome is unavailable. After "
    "FALLBACK_DEGRADED_WINDOW_MS, it is fallback_pool_consumed (accepted with a fallback ticket) or fallback_pool_miss "
    "(refused). fallback_pool_not_open: a client sent a fallback ticket, but identity answers. The ticket is not spent."
)


class _DroppedLogLines(Collector):
    """Reads the count of dropped log lines at each scrape. The code that drops a line cannot update a metric."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The metric family. The names of its samples end with `_total`."""
        yield CounterMetricFamily("realtime_log_lines_dropped", LOG_LINES_HELP, value=dropped_lines())


LOG_LINES_HELP: Final = (
    "Log lines that were lost because stdout or stderr is closed, full, broken or not read. Check the log collector."
)
for _collector in (
    _Connects(), REQUESTS, DURATION, QUEUE_DELAY, IDENTITY_CALLS, IDENTITY_DURATION, BACKEND_CALLS, BACKEND_DURATION,
    _DroppedLogLines(),
):  # fmt: skip
    REGISTRY.register(_collector)

inflight: Final = dict.fromkeys(EVENTS, 0)  # plain numbers, read at each scrape
for _event in EVENTS:
    INFLIGHT.labels(_event).set_function(partial(inflight.__getitem__, _event))
identity_probes: Final = {outcome: IDENTITY_PROBES.labels(outcome) for outcome in probe.OUTCOMES}
pool_statuses: Final = {status: POOL_STATUS.labels(status) for status in LoadStatus}
svid_updates: Final = {result: SVID_UPDATES.labels(result) for result in ("taken", "bad")}
for _result in RESULTS:
    TLS_DIALS.labels(IDENTITY, _result)
connections_refused: Final = {reason: CONNECTIONS_REFUSED.labels(reason) for reason in (FILE_DESCRIPTORS,)}
guard_refusals: Final = {reason: GUARD_REFUSALS.labels(reason) for reason in guard.REASONS}


def count_request(event: str, outcome: str, seconds: float) -> None:
    """Count one finished or cancelled request that took `seconds`."""
    REQUESTS.counts[event, outcome] += 1
    DURATION.series[event,].observe(seconds)


def observe_identity_call(code: str, seconds: float) -> None:
    """Count one Validate call that took `seconds` and ended with the gRPC status named `code`."""
    IDENTITY_CALLS.counts[code,] += 1
    IDENTITY_DURATION.series[()].observe(seconds)


def watch(admission: Admission, clock: Clock, version: str) -> None:
    """Let the gauges read this runtime's state at each scrape."""
    POOL_SIZE.set_function(lambda: admission.tickets_left)
    claims.watch(admission.claims)
    POOL_WATERMARK.set(admission.pool.low_watermark)
    for status, gauge in pool_statuses.items():
        gauge.set(status is admission.pool_status)
    OUTAGE_DEGRADED.set_function(lambda: admission.detector.degraded)
    OUTAGE_RECOVERING.set_function(lambda: admission.detector.status(clock.monotonic()).recovering)
    OUTAGE_FAILURES.set_function(lambda: admission.detector.status(clock.monotonic()).consecutive_failure_count)
    LAST_FAILURE.set_function(lambda: _last_failure(admission, clock))
    BUILD_INFO.labels(version).set(1)


def watch_limit(capacity: Capacity | AdaptiveLimit) -> None:
    """Let the gauges read the limit of requests in flight, and the lag of the event loop, to which the limit adapts."""
    INFLIGHT_LIMIT.set_function(lambda: int(capacity.limit))
    LOOP_LAG.set_function(lambda: capacity.last_lag_s if isinstance(capacity, AdaptiveLimit) else 0.0)


def _last_failure(admission: Admission, clock: Clock) -> float:
    """The Unix time of the last failure, or 0 before the first failure.

    It is computed from the failure's age. So if the wall clock is adjusted, only this metric changes.
    """
    age_s = admission.detector.status(clock.monotonic()).last_failure_age_s
    return 0.0 if age_s is None else round(clock.time() - age_s, 3)


def backend_observer(service: str) -> Callable[[str, float], None]:
    """Creates the series of a configured service, and returns the observer that counts and times its calls."""
    calls, duration = BACKEND_CALLS.counts, BACKEND_DURATION.add((service,))
    for code in STATUS_NAMES:
        calls.setdefault((service, code), 0)

    def observe(code: str, seconds: float) -> None:
        calls[service, code] += 1
        duration.observe(seconds)

    return observe


def backend_refusals(service: str) -> Callable[[], None]:
    """Returns the function that counts a call refused by RPC_MAX_INFLIGHT. Such a call has no duration."""
    calls = BACKEND_CALLS.counts

    def refused() -> None:
        calls[service, UNAVAILABLE] += 1

    return refused


def watch_backend(service: str, capacity: Capacity) -> None:
    """Let the gauge read how many calls to a backend are in flight."""
    BACKEND_INFLIGHT.labels(service).set_function(lambda: capacity.taken)
