"""The session events, and the services behind them."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as board

from tools.dashboards.page import page
from tools.dashboards.panels import Panel, curves, heat, number, row
from tools.dashboards.promql import cells, largest, quantile, rate, total
from tools.dashboards.queries import Query, split

REQUESTS, DURATION = "realtime_proxy_requests_total", "realtime_proxy_duration_seconds"
CALLS, CALL_DURATION = "realtime_backend_calls_total", "realtime_backend_call_duration_seconds"
EVENTS = 'type!="connect"'
ANSWERED = f'{EVENTS}, outcome=~"allowed|denied|too_large|disconnect|expired|unavailable"'
NO_ANSWER = 'code=~"UNAVAILABLE|DEADLINE_EXCEEDED"'


def session_events() -> board.Dashboard:
    """The dashboard at /d/realtime-session-events."""
    text = "Refresh, subscribe, sub_refresh, publish and rpc, and the services behind them."
    return page(
        "realtime-session-events", "Realtime: session events and backends", text, "realtime_build_info", _content()
    )


def _content() -> Iterator[board.Row | Panel]:
    yield from _now()
    yield row("Session events")
    yield from _events()
    yield row("Backends, the family service and identity's Refresh")
    yield from _backends()


def _now() -> Iterator[Panel]:
    yield number("Events", "Session events per second.", Query(rate(REQUESTS, matchers=EVENTS), "events"), unit="reqps")
    answered = f"({rate(REQUESTS, matchers=ANSWERED)} > 0)"
    for title, text, outcome in (
        ("Allowed", "The share of allowed events among all events that were decided or unavailable.", "allowed"),
        ("Denied", "The share of the events that the policy or a service refuses with an error.", "denied"),
        (
            "Unavailable",
            "The share of the events without a decision, for example because a service did not answer or had "
            "RPC_MAX_INFLIGHT calls in flight.",
            "unavailable",
        ),
    ):
        share = rate(REQUESTS, matchers=f'{EVENTS}, outcome="{outcome}"')
        yield number(title, text, Query(f"{share} / {answered}", outcome), unit="percentunit")
    p99 = quantile(0.99, DURATION, matchers=EVENTS)
    text = "99 % of the session events are faster than this."
    yield number("99 % faster than", text, Query(p99, "99%"), unit="s", warn=1)
    in_flight = total("realtime_backend_inflight_calls")
    yield number(
        "Backend calls in flight", "Calls to the family service and the rpc backends.", Query(in_flight, "in flight")
    )


def _events() -> Iterator[Panel]:
    yield curves(
        "Events by type",
        "Requests per second.",
        split(rate, REQUESTS, "type", EVENTS),
        unit="reqps",
        stacked=True,
    )
    yield curves(
        "Events by outcome",
        "Requests per second. denied: the policy or a service refuses with an error. unavailable: there is no "
        "decision, for example because a service did not answer or had RPC_MAX_INFLIGHT calls in flight.",
        split(rate, REQUESTS, "outcome", EVENTS),
        unit="reqps",
        stacked=True,
    )
    yield curves(
        "Refused or failed, by type",
        "Requests per second that were not allowed.",
        split(rate, REQUESTS, "type, outcome", f'{EVENTS}, outcome!="allowed"'),
        unit="reqps",
    )
    yield heat(
        "Latency",
        "All session events: time from when the service begins to handle a request until its answer.",
        Query(cells(DURATION, EVENTS), "{{le}}"),
    )
    yield curves(
        "Latency by type, 99 %",
        "99 % of the requests in each interval are faster than this.",
        Query(quantile(0.99, DURATION, "type", EVENTS), "{{type}}"),
        unit="s",
    )
    yield curves(
        "In flight by type",
        "Requests that the service is answering.",
        split(total, "realtime_proxy_inflight_requests", "type", EVENTS),
        unit="short",
    )


def _backends() -> Iterator[Panel]:
    yield curves(
        "Calls by service",
        "Calls per second.",
        split(rate, CALLS, "service"),
        unit="reqps",
        stacked=True,
    )
    yield curves(
        "Failed calls, by status",
        "Calls per second that ended with a status other than OK.",
        split(rate, CALLS, "service, code", 'code!="OK"'),
        unit="reqps",
    )
    share = f"{rate(CALLS, 'service', NO_ANSWER)} / ({rate(CALLS, 'service')} > 0)"
    yield curves(
        "Calls without answer",
        "The share of the calls to each service that get no answer. RealtimeBackendFailing fires above 5 %.",
        Query(share, "{{service}}"),
        unit="percentunit",
    )
    yield heat("Duration of the calls", "The calls to all services together.", Query(cells(CALL_DURATION), "{{le}}"))
    yield curves(
        "Duration by service, 99 %",
        "99 % of the calls in each interval are faster than this.",
        Query(quantile(0.99, CALL_DURATION, "service"), "{{service}}"),
        unit="s",
    )
    yield curves(
        "In flight by service",
        "The largest number of calls in flight in a process. At RPC_MAX_INFLIGHT, further calls are refused as "
        "unavailable. At the service's share of PROXY_MAX_INFLIGHT, further requests are refused as overloaded.",
        split(largest, "realtime_backend_inflight_calls", "service"),
        unit="short",
    )
