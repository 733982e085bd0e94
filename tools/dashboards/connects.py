"""Connects: their number, their outcomes, their latency, and whether the processes can answer all of them."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as board

from tools.dashboards.page import page
from tools.dashboards.panels import Panel, curves, heat, number, row
from tools.dashboards.promql import cells, largest, metric, quantile, rate, total
from tools.dashboards.queries import Query, quantiles, split

CONNECTS, DURATION = "realtime_centrifugo_connect_total", "realtime_proxy_duration_seconds"
CONNECT = 'type="connect"'
ACCEPTED = 'outcome=~"success|success_degraded|fallback_pool_consumed"'


def connects() -> board.Dashboard:
    """The dashboard at /d/realtime-connects."""
    text = "Connects of Centrifugo's clients: rate, outcomes, latency and load."
    return page("realtime-connects", "Realtime: connects", text, "realtime_build_info", _content())


def _content() -> Iterator[board.Row | Panel]:
    yield from _now()
    yield row("Connects")
    yield curves(
        "Connects by outcome",
        "Connects per second, without those that the guard or the overload limit refused. An outage of identity first "
        "shows unavailable, and later fallback_pool_consumed and fallback_pool_miss.",
        split(rate, CONNECTS, "outcome"),
        unit="reqps",
        stacked=True,
    )
    yield heat(
        "Latency",
        "Time from when the service begins to handle a request until its answer, without the queue delay. Refused "
        "requests are included. Centrifugo's timeout for the connect proxy must be longer than this.",
        Query(cells(DURATION, CONNECT), "{{le}}"),
    )
    yield curves(
        "Latency, percentiles",
        "Percentiles of the latency of the connects in each interval.",
        *quantiles(DURATION, 0.5, 0.9, 0.99, matchers=CONNECT),
        unit="s",
    )
    yield curves(
        "Connects by process",
        "If the processes get very different numbers, the load balancer sends most connections to a few of them.",
        split(rate, CONNECTS, "instance"),
        unit="reqps",
    )
    yield row("Load")
    yield from _load()
    yield row("Refused before the event")
    yield from _refused()


def _now() -> Iterator[Panel]:
    yield number("Connects", "Connects per second now.", Query(rate(CONNECTS), "connects"), unit="reqps")
    share = f"{rate(CONNECTS, matchers=ACCEPTED)} / ({rate(CONNECTS)} > 0)"
    yield number(
        "Accepted",
        "The share of the connects that are accepted. Connects that the guard or the overload limit refused are not "
        "counted.",
        Query(share, "accepted"),
        unit="percentunit",
        low=0.9,
    )
    p99 = quantile(0.99, DURATION, matchers=CONNECT)
    text = "99 % of the connects are faster than this. RealtimeConnectsSlow fires above a second."
    yield number("99 % faster than", text, Query(p99, "99%"), unit="s", warn=1)
    yield number(
        "In flight now",
        "Requests of all events that the service is answering.",
        Query(total("realtime_proxy_inflight_requests"), "in flight"),
    )
    shed = rate("realtime_proxy_requests_total", matchers='outcome="overloaded"')
    text = "Requests per second that are refused because of overload."
    yield number("Shed now", text, Query(shed, "shed"), unit="reqps", warn=0.001)
    processes = f"count by (version) ({metric('realtime_build_info')})"
    text = "Processes by version. During a rollout there are two versions."
    yield number("Processes", text, Query(processes, "{{version}}"))


def _load() -> Iterator[Panel]:
    yield curves(
        "In flight, and the limit",
        "Requests of all events. Above its limit a process refuses requests at once. With PROXY_MAX_INFLIGHT=auto, the "
        "limit changes with the number of requests that the process can answer in time.",
        split(total, "realtime_proxy_inflight_requests", "instance"),
        Query(largest("realtime_proxy_inflight_limit", "instance"), "limit {{instance}}"),
        unit="short",
    )
    yield curves(
        "Shed",
        "Requests per second that are refused because of overload: too many requests are in flight, too many wait for "
        "the same service, or the request has waited too long.",
        split(rate, "realtime_proxy_requests_total", "instance, type", 'outcome="overloaded"'),
        unit="reqps",
    )
    yield curves(
        "Event loop lag",
        "The delay with which the event loop runs a timer. It is only measured with PROXY_MAX_INFLIGHT=auto. A lag "
        "above 0.05 s lowers the limit if more than 64 requests were in flight.",
        split(largest, "realtime_event_loop_lag_seconds", "instance"),
        unit="s",
        width=8,
    )
    yield curves(
        "Queue delay",
        "99 % of the requests wait at most this long, in the kernel and in the event loop, before they are handled.",
        Query(quantile(0.99, "realtime_proxy_queue_delay_seconds", "instance"), "{{instance}}"),
        unit="s",
        width=8,
    )
    yield curves(
        "Internal errors",
        "Requests per second that end in an internal error. The log has the cause.",
        split(rate, "realtime_proxy_requests_total", "type", 'outcome="internal_error"'),
        unit="reqps",
        width=8,
    )


def _refused() -> Iterator[Panel]:
    yield curves(
        "Refused by the guard",
        "Refused requests per second. Centrifugo sends a wrong guard header or none, or another workload calls.",
        split(rate, "realtime_guard_refusals_total", "reason"),
        unit="reqps",
        width=8,
    )
    yield curves(
        "Connections refused",
        "Connections per second that are closed before anything is read, because few file descriptors are left.",
        split(rate, "realtime_connections_refused_total", "instance, reason"),
        unit="cps",
        width=8,
    )
    yield curves(
        "Log lines dropped",
        "Log lines per second that could not be written to stdout or stderr.",
        split(rate, "realtime_log_lines_dropped_total", "instance"),
        unit="cps",
        width=8,
    )
