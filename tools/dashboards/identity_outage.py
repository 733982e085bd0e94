"""An outage of identity: whether there is one, what the clients see, and how long the fallback tickets last."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as board

from tools.dashboards.fleet import BELOW_WATERMARK, EMPTY_IN, LEFT, OUTAGE
from tools.dashboards.page import page
from tools.dashboards.panels import GREEN, ORANGE, RED, YELLOW, Panel, State, curves, heat, number, row, states
from tools.dashboards.promql import cells, largest, metric, rate, total
from tools.dashboards.queries import Query, quantiles, split

CONNECTS, CALLS = "realtime_centrifugo_connect_total", "realtime_identity_calls_total"
OUTCOMES = 'outcome=~"unavailable|identity_error|fallback_.*|success.*"'
NO_ANSWER = 'code=~"UNAVAILABLE|DEADLINE_EXCEEDED"'
CLAIM = "realtime_fallback_claim_duration_seconds"


def identity_outage() -> board.Dashboard:
    """The dashboard at /d/realtime-identity-outage."""
    text = "Outages of identity, and the fallback pool, which accepts clients during an outage."
    return page("realtime-identity-outage", "Realtime: identity outage", text, "realtime_build_info", _content())


def _content() -> Iterator[board.Row | Panel]:
    yield from _now()
    yield row("Outage")
    yield from _outage()
    yield row("Calls to identity")
    yield from _calls()
    yield row("Fallback tickets")
    yield from _tickets()
    yield row("Claims on fallback tickets, with FALLBACK_CLAIMS_URL")
    yield from _claims()
    yield row("Workload identity, with SPIFFE")
    yield from _workload_identity()


def _now() -> Iterator[Panel]:
    degraded = total("realtime_identity_outage_degraded")
    yield number(
        "Degraded",
        "Processes whose outage is longer than the window, without the recovering ones.",
        Query(degraded, "degraded"),
        warn=1,
    )
    recovering = total("realtime_identity_outage_recovering")
    yield number(
        "Recovering", "Processes whose probes are answered, but no client's call yet.", Query(recovering, "recovering")
    )
    failing = f"{rate(CALLS, matchers=NO_ANSWER)} / ({rate(CALLS)} > 0)"
    yield number(
        "Calls without answer",
        "The share of the calls to identity. Alert: 5 %.",
        Query(failing, "no answer"),
        unit="percentunit",
        warn=0.05,
    )
    yield number(
        "Tickets left",
        "The sum over the selected processes, or with claims the tickets that they share. With claims in folders, "
        "select the processes of one machine.",
        Query(LEFT, "tickets"),
        low=1,
        none="no pool",
    )
    yield number(
        "Empty in",
        "Until the first process has no ticket left, at the present rate.",
        Query(f"min ({EMPTY_IN})", "empty in"),
        unit="s",
        low=3600,
        none="not in use",
    )
    yield number(
        "Below the watermark",
        "Processes with fewer tickets left than their low watermark.",
        Query(BELOW_WATERMARK, "below"),
        warn=1,
        none="no pool",
    )


def _outage() -> Iterator[Panel]:
    yield states(
        "Outage by process",
        "failing: calls get no answer, and the pool is not open. degraded: the pool accepts clients. recovering: the "
        "service's probes are answered, but no client's call yet.",
        Query(OUTAGE, "{{instance}}"),
        State(0, "healthy", GREEN),
        State(1, "failing", YELLOW),
        State(2, "recovering", ORANGE),
        State(3, "degraded", RED),
    )
    yield curves(
        "Connects in the outage",
        "Connects a second. unavailable: refused while the pool is not open, or without a pool. "
        "fallback_pool_consumed: accepted with a fallback ticket. fallback_pool_miss: refused. fallback_pool_not_open: "
        "the ticket stays unspent.",
        split(rate, CONNECTS, "outcome", OUTCOMES),
        unit="reqps",
        stacked=True,
    )
    yield curves(
        "Consecutive failures",
        "Calls without an answer in the present streak of failures, including the background probe's calls.",
        split(largest, "realtime_identity_outage_consecutive_failures", "instance"),
        unit="short",
    )


def _calls() -> Iterator[Panel]:
    yield curves(
        "Calls by status",
        "Validate calls a second, including the background probe's calls.",
        split(rate, CALLS, "code"),
        unit="reqps",
        stacked=True,
    )
    yield heat(
        "Duration of the calls",
        "All calls, including failed ones. IDENTITY_VALIDATE_DEADLINE_MS limits a call.",
        Query(cells("realtime_identity_call_duration_seconds"), "{{le}}"),
    )
    yield curves(
        "Background probes",
        "Calls a second that the service makes itself while calls fail.",
        split(rate, "realtime_identity_probe_total", "outcome"),
        unit="reqps",
    )
    last = metric("realtime_identity_last_failure_timestamp_seconds")
    # A sample has the time at which its scrape began: a failure during the scrape seems to lie in the future.
    age = f"clamp_min(time() - max by (instance) ({last} > 0), 0)"
    yield curves(
        "Since the last failure",
        "Seconds since a call got no answer. RealtimeIdentityOutage needs a failure in the last two minutes.",
        Query(age, "{{instance}}"),
        unit="s",
    )


def _tickets() -> Iterator[Panel]:
    yield curves(
        "Tickets left by process",
        "With FALLBACK_CLAIMS_URL: the shared tickets, as the store last reported to each process, but never more than "
        "its own.",
        split(largest, "realtime_fallback_pool_size", "instance"),
        Query(largest("realtime_fallback_pool_low_watermark", "instance"), "watermark {{instance}}"),
        unit="short",
    )
    yield curves(
        "Tickets left in total",
        "The sum over the processes, or with claims the tickets that they share. With claims in folders, select the "
        "processes of one machine.",
        Query(LEFT, "tickets"),
        unit="short",
    )
    yield curves(
        "Time to empty",
        "At the present rate; 0 when the loaded tickets are used up. No curve while tickets are left and none is used.",
        Query(EMPTY_IN, "{{instance}}"),
        unit="s",
    )
    status = f"{total('realtime_fallback_pool_status', 'status')} > 0"
    yield curves(
        "Processes by the pool's load status",
        "Any status other than loaded and disabled needs a repair before the next outage.",
        Query(status, "{{status}}"),
        unit="short",
    )


def _claims() -> Iterator[Panel]:
    yield curves(
        "Claims by result",
        "Claims a second. error: refused, because the store did not answer. conflict: accepted while the store was "
        "down, and used elsewhere too.",
        split(rate, "realtime_fallback_claims_total", "result"),
        unit="cps",
        width=8,
    )
    yield states(
        "Store by process",
        "Whether the store of claims answers.",
        Query(f"max by (instance) ({metric('realtime_fallback_claims_up')} >= 0)", "{{instance}}"),
        State(0, "down", RED),
        State(1, "up", GREEN),
        width=8,
    )
    yield curves(
        "Duration of a claim",
        "FALLBACK_CLAIMS_DEADLINE_MS limits a claim.",
        *quantiles(CLAIM, 0.5, 0.99),
        unit="s",
        width=8,
    )


def _workload_identity() -> Iterator[Panel]:
    yield curves(
        "SVID expires in",
        "Without a valid SVID, the service cannot reach identity and the backends.",
        Query(f"min by (instance) (({metric('realtime_svid_expiry_timestamp_seconds')} > 0) - time())", "{{instance}}"),
        unit="s",
        width=6,
    )
    yield curves(
        "Identities from the agent",
        "SVIDs a second: taken, or bad and refused.",
        split(rate, "realtime_svid_updates_total", "result"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Agent connected",
        "1 while the SPIFFE agent sends identities; 0 without SPIFFE.",
        split(largest, "realtime_spiffe_agent_connected", "instance"),
        unit="short",
        width=6,
    )
    yield curves(
        "Connections to peers",
        "Attempts a second to connect. wrong_id: a server with another SPIFFE ID answers.",
        split(rate, "realtime_tls_dials_total", "peer, result"),
        unit="cps",
        width=6,
    )
