"""Connects: how many, how they end, how long they take, and whether the processes can answer them all."""

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
        "Connects a second, without those that the guard or the overload limit refused. In an outage of identity: "
        "unavailable, then fallback_pool_consumed and fallback_pool_miss.",
        split(rate, CONNECTS, "outcome"),
        unit="reqps",
        stacked=True,
    )
    yield heat(
        "Latency",
        "From the start of handling a request to its answer, without the queue delay. Refused requests are included. "
        "Centrifugo's timeout for the connect proxy must be longer.",
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
        "An uneven share shows a balancer that keeps connections to few processes.",
        split(rate, CONNECTS, "instance"),
        unit="reqps",
    )
    yield row("Load")
    yield from _load()
    yield row("Refused before the event")
    yield from _refused()


def _now() -> Iterator[Panel]:
    yield number("Connects", "Connects a second now.", Query(rate(CONNECTS), "connects"), unit="reqps")
    share = f"{rate(CONNECTS, matchers=ACCEPTED)} / ({rate(CONNECTS)} > 0)"
    yield number(
        "Accepted",
        "The share of the connects that are accepted. Connects that the guard or the overload limit refused do not "
        "count.",
        Query(share, "accepted"),
        unit="percentunit",
        low=0.9,
    )
    p99 = quantile(0.99, DURATION, matchers=CONNECT)
    text = "99 % of the connects are faster than this. Alert: a second."
    yield number("99 % faster than", text, Query(p99, "99%"), unit="s", warn=1)
    yield number(
        "In flight now",
        "Requests of all events that are being answered.",
        Query(total("realtime_proxy_inflight_requests"), "in flight"),
    )
    shed = rate("realtime_proxy_requests_total", matchers='outcome="overloaded"')
    text = "Requests a second that are refused as overloaded."
    yield number("Shed now", text, Query(shed, "shed"), unit="reqps", warn=0.001)
    processes = f"count by (version) ({metric('realtime_build_info')})"
    yield number("Processes", "Processes by version; two versions during a rollout.", Query(processes, "{{version}}"))


def _load() -> Iterator[Panel]:
    yield curves(
        "In flight, and the limit",
        "Requests of all events. Above its limit a process refuses at once; with PROXY_MAX_INFLIGHT=auto the limit "
        "follows what the process can answer in time.",
        split(total, "realtime_proxy_inflight_requests", "instance"),
        Query(largest("realtime_proxy_inflight_limit", "instance"), "limit {{instance}}"),
        unit="short",
    )
    yield curves(
        "Shed",
        "Requests a second that are refused as overloaded: too many are in flight, or too many wait for one service, "
        "or the request has waited too long.",
        split(rate, "realtime_proxy_requests_total", "instance, type", 'outcome="overloaded"'),
        unit="reqps",
    )
    yield curves(
        "Event loop lag",
        "How late the event loop runs; only measured with PROXY_MAX_INFLIGHT=auto. A lag above 0.05 s lowers the limit "
        "if more than 64 requests were in flight.",
        split(largest, "realtime_event_loop_lag_seconds", "instance"),
        unit="s",
        width=8,
    )
    yield curves(
        "Queue delay",
        "99 % of the requests wait at most this long until they are handled, in the kernel and in the event loop.",
        Query(quantile(0.99, "realtime_proxy_queue_delay_seconds", "instance"), "{{instance}}"),
        unit="s",
        width=8,
    )
    yield curves(
        "Internal errors",
        "Requests a second that end in an internal error. The log has the cause.",
        split(rate, "realtime_proxy_requests_total", "type", 'outcome="internal_error"'),
        unit="reqps",
        width=8,
    )


def _refused() -> Iterator[Panel]:
    yield curves(
        "Refused by the guard",
        "Requests a second. Centrifugo sends a wrong header or none, or another workload calls.",
        split(rate, "realtime_guard_refusals_total", "reason"),
        unit="reqps",
        width=8,
    )
    yield curves(
        "Connections refused",
        "Connections a second that are closed unread, because few file descriptors are left.",
        split(rate, "realtime_connections_refused_total", "instance, reason"),
        unit="cps",
        width=8,
    )
    yield curves(
        "Log lines dropped",
        "Lines a second that stdout or stderr did not take.",
        split(rate, "realtime_log_lines_dropped_total", "instance"),
        unit="cps",
        width=8,
    )
