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
        "Processes in an outage that is longer than FALLBACK_DEGRADED_WINDOW_MS. Recovering processes are not counted.",
        Query(degraded, "degraded"),
        warn=1,
    )
    recovering = total("realtime_identity_outage_recovering")
    text = "Processes whose probes identity answers, but whose clients' calls it has not answered yet."
    yield number("Recovering", text, Query(recovering, "recovering"))
    failing = f"{rate(CALLS, matchers=NO_ANSWER)} / ({rate(CALLS)} > 0)"
    yield number(
        "Calls without answer",
        "The share of the calls to identity that get no answer. RealtimeIdentityFailing fires above 5 %.",
        Query(failing, "no answer"),
        unit="percentunit",
        warn=0.05,
    )
    yield number(
        "Tickets left",
        "The sum over the selected processes. With claims, the tickets that the processes share. If the claims are in "
        "a folder, select only the processes of one machine.",
        Query(LEFT, "tickets"),
        low=1,
        none="no pool",
    )
    yield number(
        "Empty in",
        "Time until the first process has no tickets left, if tickets are used at the present rate.",
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
        "failing: calls get no answer, and the pool is not open yet. degraded: the pool is open, and fallback tickets "
        "are accepted. recovering: identity answers the service's probes, but has not answered a client's call yet.",
        Query(OUTAGE, "{{instance}}"),
        State(0, "healthy", GREEN),
        State(1, "failing", YELLOW),
        State(2, "recovering", ORANGE),
        State(3, "degraded", RED),
    )
    yield curves(
        "Connects in the outage",
        "Connects per second. unavailable: refused, because the pool is not open or there is no pool. "
        "fallback_pool_consumed: accepted with a fallback ticket. fallback_pool_miss: refused, because the ticket is "
        "not in the pool. fallback_pool_not_open: a fallback ticket is refused and stays unspent.",
        split(rate, CONNECTS, "outcome", OUTCOMES),
        unit="reqps",
        stacked=True,
    )
    yield curves(
        "Consecutive failures",
        "Calls without an answer in the current streak of failures, including the calls of the background probe.",
        split(largest, "realtime_identity_outage_consecutive_failures", "instance"),
        unit="short",
    )


def _calls() -> Iterator[Panel]:
    yield curves(
        "Calls by status",
        "Validate calls per second, including the calls of the background probe.",
        split(rate, CALLS, "code"),
        unit="reqps",
        stacked=True,
    )
    yield heat(
        "Duration of the calls",
        "All calls, including calls that failed. IDENTITY_VALIDATE_DEADLINE_MS limits the duration.",
        Query(cells("realtime_identity_call_duration_seconds"), "{{le}}"),
    )
    yield curves(
        "Background probes",
        "Calls per second that the service itself makes while clients' calls fail.",
        split(rate, "realtime_identity_probe_total", "outcome"),
        unit="reqps",
    )
    last = metric("realtime_identity_last_failure_timestamp_seconds")
    # A sample has the time when its scrape began. A failure during the scrape would get a negative age.
    age = f"clamp_min(time() - max by (instance) ({last} > 0), 0)"
    yield curves(
        "Since the last failure",
        "Seconds since the last call without an answer. RealtimeIdentityOutage fires only if this is below 120.",
        Query(age, "{{instance}}"),
        unit="s",
    )


def _tickets() -> Iterator[Panel]:
    yield curves(
        "Tickets left by process",
        "With FALLBACK_CLAIMS_URL, the tickets that the processes share: the number that the store last reported to "
        "the process, but never more than the tickets in its own pool.",
        split(largest, "realtime_fallback_pool_size", "instance"),
        Query(largest("realtime_fallback_pool_low_watermark", "instance"), "watermark {{instance}}"),
        unit="short",
    )
    yield curves(
        "Tickets left in total",
        "The sum over the selected processes. With claims, the tickets that the processes share. If the claims are in "
        "a folder, select only the processes of one machine.",
        Query(LEFT, "tickets"),
        unit="short",
    )
    yield curves(
        "Time to empty",
        "Time until no tickets are left, if tickets are used at the present rate; 0 if all are used up. There is no "
        "curve while tickets are left but none are used.",
        Query(EMPTY_IN, "{{instance}}"),
        unit="s",
    )
    status = f"{total('realtime_fallback_pool_status', 'status')} > 0"
    yield curves(
        "Processes by the pool's load status",
        "With a status other than loaded and disabled, repair the pool before the next outage.",
        Query(status, "{{status}}"),
        unit="short",
    )


def _claims() -> Iterator[Panel]:
    yield curves(
        "Claims by result",
        "Claims per second. error: the ticket was refused, because the store did not answer. conflict: the ticket was "
        "accepted while the store was down, and another process accepted it too.",
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
        "FALLBACK_CLAIMS_DEADLINE_MS limits the duration.",
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
        "SVIDs from the agent",
        "SVIDs per second that the service accepts, or refuses because they are invalid.",
        split(rate, "realtime_svid_updates_total", "result"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Agent connected",
        "1 while the SPIFFE agent sends SVIDs, otherwise 0. Without SPIFFE it is always 0.",
        split(largest, "realtime_spiffe_agent_connected", "instance"),
        unit="short",
        width=6,
    )
    yield curves(
        "Connections to peers",
        "Attempts to connect, per second. wrong_id: a server with a wrong SPIFFE ID answers.",
        split(rate, "realtime_tls_dials_total", "peer, result"),
        unit="cps",
        width=6,
    )
