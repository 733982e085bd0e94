"""The bridge from Kafka: how far it is behind, how old events arrive, and what stops them."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as board

from tools.dashboards.page import page
from tools.dashboards.panels import GREEN, ORANGE, RED, Panel, State, curves, heat, number, row, states
from tools.dashboards.promql import cells, largest, metric, quantile, rate, total
from tools.dashboards.queries import Query, quantiles, split

AGE, REQUEST = "realtime_bridge_event_age_seconds", "realtime_bridge_request_duration_seconds"
PAUSED, DOWN = metric("realtime_bridge_paused"), metric("realtime_bridge_centrifugo_outage")


def bridge() -> board.Dashboard:
    """/d/realtime-bridge"""
    text = "The bridge from Kafka to Centrifugo: lag, age of the events, dead letters, outages."
    return page("realtime-bridge", "Realtime: bridge", text, "realtime_bridge_build_info", _content())


def _content() -> Iterator[board.Row | Panel]:
    yield from _now()
    yield row("Behind")
    yield from _behind()
    yield row("Events")
    yield from _events()
    yield row("Centrifugo")
    yield from _centrifugo()
    yield row("Kafka")
    yield from _kafka()


def _now() -> Iterator[Panel]:
    bridges = f"count by (version) ({metric('realtime_bridge_build_info')})"
    yield number("Bridges", "By version.", Query(bridges, "{{version}}"), low=1)
    partitions = total("realtime_bridge_assigned_partitions")
    yield number("Partitions", "That these processes read.", Query(partitions, "partitions"), low=1)
    yield number("Behind", "Records.", Query(total("realtime_bridge_lag_records"), "records"))
    oldest = largest("realtime_bridge_oldest_pending_seconds", "")
    yield number("Oldest event waits", "Alert: a minute.", Query(oldest, "oldest"), unit="s", warn=60)
    letters = f"round(sum (increase({metric('realtime_bridge_dead_letters_total')}[$__range])))"
    yield number("New dead letters", "In the time shown.", Query(letters, "dead letters"), warn=1)
    stopped = total("realtime_bridge_partition_stopped")
    yield number(
        "Stopped", "Partitions that are stopped until the bridge restarts.", Query(stopped, "stopped"), warn=1, none="0"
    )


def _behind() -> Iterator[Panel]:
    yield curves(
        "Records behind, by topic",
        "From what is committed to the end, measured every BRIDGE_LAG_INTERVAL_MS.",
        split(total, "realtime_bridge_lag_records", "topic"),
        unit="short",
    )
    yield curves(
        "Oldest event that waits, by topic",
        "Its age; 0 if none waits.",
        split(largest, "realtime_bridge_oldest_pending_seconds", "topic"),
        unit="s",
    )
    yield curves(
        "Records behind, by partition",
        "One partition alone: a stopped partition, or a key with most of the events.",
        split(largest, "realtime_bridge_lag_records", "topic, partition"),
        unit="short",
    )
    yield curves(
        "Pending records",
        "Read and not done. At BRIDGE_PENDING_MAX the bridge pauses.",
        split(largest, "realtime_bridge_pending_records", "instance"),
        unit="short",
    )


def _events() -> Iterator[Panel]:
    yield heat(
        "Age of the events",
        "From Kafka's timestamp until a command is done.",
        Query(cells(AGE), "{{le}}"),
    )
    yield curves(
        "Age by route, 99 %",
        "Of the commands in each interval.",
        Query(quantile(0.99, AGE, "route"), "{{route}}"),
        unit="s",
    )
    yield curves(
        "Records by outcome",
        "Records a second.",
        split(rate, "realtime_bridge_records_total", "outcome"),
        unit="recps",
        stacked=True,
    )
    yield curves(
        "Commands by route",
        "Commands a second. permanent: Centrifugo refused the command for good.",
        split(rate, "realtime_bridge_commands_total", "route, outcome"),
        unit="cps",
    )
    yield curves(
        "Dead letters",
        "Dead letters a second, by topic and reason.",
        split(rate, "realtime_bridge_dead_letters_total", "topic, reason"),
        unit="recps",
    )
    yield curves(
        "Stopped partitions",
        "1 until the bridge is restarted.",
        split(largest, "realtime_bridge_partition_stopped", "topic, partition"),
        unit="short",
    )


def _centrifugo() -> Iterator[Panel]:
    yield states(
        "Delivery by process",
        "no answer: Centrifugo does not answer, and events wait. paused: no more may be read ahead.",
        Query(f"max by (instance) (2 * ({DOWN} == 1) or ({PAUSED} == 1) or 0 * {PAUSED})", "{{instance}}"),
        State(0, "delivers", GREEN),
        State(1, "paused", ORANGE),
        State(2, "no answer", RED),
    )
    yield curves(
        "Repeated commands",
        "Commands a second that had to be sent again. misconfigured: the URL, key or certificate is wrong.",
        split(rate, "realtime_bridge_retries_total", "cause"),
        unit="cps",
    )
    yield curves(
        "Duration of a request",
        "A request carries up to BRIDGE_BATCH_MAX commands.",
        *quantiles(REQUEST, 0.5, 0.99),
        unit="s",
    )
    commands = rate("realtime_bridge_batch_commands_sum", "instance")
    requests = rate("realtime_bridge_batch_commands_count", "instance")
    yield curves(
        "Commands in a request",
        "The average.",
        Query(f"{commands} / ({requests} > 0)", "{{instance}}"),
        unit="short",
    )
    yield curves(
        "Requests in flight",
        "At most BRIDGE_REQUESTS in a process.",
        split(largest, "realtime_bridge_inflight_requests", "instance"),
        unit="short",
    )


def _kafka() -> Iterator[Panel]:
    yield curves(
        "Partitions by process",
        "An uneven share, or none at all, shows in the lag.",
        split(total, "realtime_bridge_assigned_partitions", "instance"),
        unit="short",
        width=6,
    )
    yield curves(
        "Rebalances",
        "Partitions a second that were assigned, revoked or lost.",
        split(rate, "realtime_bridge_rebalances_total", "event"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Commits",
        "Offsets a second. failed: after a restart events are sent again.",
        split(rate, "realtime_bridge_commits_total", "outcome"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Since the last poll",
        "Of the thread that reads from Kafka.",
        split(largest, "realtime_bridge_poll_age_seconds", "instance"),
        unit="s",
        width=6,
    )
