"""The bridge from Kafka: how far it is behind, how old the events are when they arrive, and what stops them."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as board

from tools.dashboards.page import page
from tools.dashboards.panels import GREEN, ORANGE, RED, Panel, State, curves, heat, number, row, states
from tools.dashboards.promql import cells, largest, metric, quantile, rate, total
from tools.dashboards.queries import Query, quantiles, split

AGE, REQUEST = "realtime_bridge_event_age_seconds", "realtime_bridge_request_duration_seconds"
PAUSED, DOWN = metric("realtime_bridge_paused"), metric("realtime_bridge_centrifugo_outage")
NO_KAFKA = metric("realtime_bridge_kafka_outage")


def bridge() -> board.Dashboard:
    """The dashboard at /d/realtime-bridge."""
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
    yield number("Bridges", "Bridge processes, by version.", Query(bridges, "{{version}}"), low=1)
    partitions = total("realtime_bridge_assigned_partitions")
    yield number("Partitions", "Partitions that these processes read.", Query(partitions, "partitions"), low=1)
    text = "Number of offsets from the first unfinished record of each partition to the end of the partition."
    yield number("Behind", text, Query(total("realtime_bridge_lag_records"), "records"))
    oldest = largest("realtime_bridge_oldest_pending_seconds", "")
    text = "Age of the oldest unfinished event. RealtimeBridgeBehind fires above a minute."
    yield number("Oldest event waits", text, Query(oldest, "oldest"), unit="s", warn=60)
    letters = f"round(sum (increase({metric('realtime_bridge_dead_letters_total')}[$__range])))"
    text = "Dead letters that were written in the selected time."
    yield number("New dead letters", text, Query(letters, "dead letters"), warn=1)
    stopped = total("realtime_bridge_partition_stopped")
    yield number(
        "Stopped",
        "Partitions that are stopped until a restart or a rebalance.",
        Query(stopped, "stopped"),
        warn=1,
        none="0",
    )


def _behind() -> Iterator[Panel]:
    yield curves(
        "Records behind, by topic",
        "Number of offsets from the first unfinished record to the end of the partition, measured every "
        "BRIDGE_LAG_INTERVAL_MS.",
        split(total, "realtime_bridge_lag_records", "topic"),
        unit="short",
    )
    yield curves(
        "Oldest event that waits, by topic",
        "Age of the oldest unfinished event; 0 if all events are finished.",
        split(largest, "realtime_bridge_oldest_pending_seconds", "topic"),
        unit="s",
    )
    yield curves(
        "Records behind, by partition",
        "If only one partition is behind, the partition may be stopped, or most of the events may have the same key.",
        split(largest, "realtime_bridge_lag_records", "topic, partition"),
        unit="short",
    )
    yield curves(
        "Pending records",
        "Records that the bridge has read but not finished. At BRIDGE_PENDING_MAX the bridge stops reading.",
        split(largest, "realtime_bridge_pending_records", "instance"),
        unit="short",
    )


def _events() -> Iterator[Panel]:
    yield heat(
        "Age of the events",
        "Time from the record's timestamp in Kafka until its command is finished.",
        Query(cells(AGE), "{{le}}"),
    )
    yield curves(
        "Age by route, 99 %",
        "99 % of the commands in each interval are finished within this time after the record's timestamp.",
        Query(quantile(0.99, AGE, "route"), "{{route}}"),
        unit="s",
    )
    yield curves(
        "Records by outcome",
        "Records per second.",
        split(rate, "realtime_bridge_records_total", "outcome"),
        unit="recps",
        stacked=True,
    )
    yield curves(
        "Commands by route",
        "Commands per second. permanent: the command failed and is not sent again.",
        split(rate, "realtime_bridge_commands_total", "route, outcome"),
        unit="cps",
    )
    yield curves(
        "Dead letters",
        "Dead letters per second, by topic and reason.",
        split(rate, "realtime_bridge_dead_letters_total", "topic, reason"),
        unit="recps",
    )
    yield curves(
        "Undelivered dead letters",
        "Dead letters that Kafka has not accepted. The bridge tries to write them again.",
        split(largest, "realtime_bridge_undelivered_dead_letters", "instance"),
        unit="short",
    )
    yield curves(
        "Stopped partitions",
        "1 while the partition is stopped. It stays stopped until a restart or a rebalance.",
        split(largest, "realtime_bridge_partition_stopped", "topic, partition"),
        unit="short",
    )
    yield curves(
        "Unserved partitions",
        "Partitions that Kafka cannot serve now, by topic. Their events wait.",
        split(total, "realtime_bridge_unserved_partitions", "topic"),
        unit="short",
    )


def _centrifugo() -> Iterator[Panel]:
    yield states(
        "Delivery by process",
        "no answer: Centrifugo gives no usable answer, and events wait. paused: the bridge does not read, because too "
        "many records or bytes are pending. no Kafka: Kafka does not answer, and the bridge reads nothing.",
        Query(
            f"max by (instance) (3 * ({NO_KAFKA} == 1) or 2 * ({DOWN} == 1) or ({PAUSED} == 1) or 0 * {PAUSED})",
            "{{instance}}",
        ),
        State(0, "delivers", GREEN),
        State(1, "paused", ORANGE),
        State(2, "no answer", RED),
        State(3, "no Kafka", RED),
    )
    yield curves(
        "Repeated commands",
        "Commands per second that had to be sent again. misconfigured: check the URL, the key and the certificate.",
        split(rate, "realtime_bridge_retries_total", "cause"),
        unit="cps",
    )
    yield curves(
        "Duration of a request",
        "Duration of a request to Centrifugo, with up to BRIDGE_BATCH_MAX commands.",
        *quantiles(REQUEST, 0.5, 0.99),
        unit="s",
    )
    commands = rate("realtime_bridge_batch_commands_sum", "instance")
    requests = rate("realtime_bridge_batch_commands_count", "instance")
    yield curves(
        "Commands in a request",
        "Average number of commands in a request.",
        Query(f"{commands} / ({requests} > 0)", "{{instance}}"),
        unit="short",
    )
    yield curves(
        "Requests in flight",
        "Requests to Centrifugo that are not answered yet. A process has at most BRIDGE_REQUESTS.",
        split(largest, "realtime_bridge_inflight_requests", "instance"),
        unit="short",
    )


def _kafka() -> Iterator[Panel]:
    yield curves(
        "Partitions by process",
        "Number of partitions that each process reads. If the numbers differ much, this can explain a lag.",
        split(total, "realtime_bridge_assigned_partitions", "instance"),
        unit="short",
        width=6,
    )
    yield curves(
        "Rebalances",
        "Partitions per second that were assigned, revoked or lost.",
        split(rate, "realtime_bridge_rebalances_total", "event"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Commits",
        "Commits per second, by outcome. If commits fail, the bridge sends events again after a restart.",
        split(rate, "realtime_bridge_commits_total", "outcome"),
        unit="cps",
        width=6,
    )
    yield curves(
        "Since the last poll",
        "Seconds since the thread that reads Kafka began its last loop iteration.",
        split(largest, "realtime_bridge_poll_age_seconds", "instance"),
        unit="s",
        width=6,
    )
