"""manage.py bridge_lag"""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from bridge.kafka.errors import KafkaUnreachable
from bridge.management.letters_command import KafkaCommand
from bridge.routing.faults import RoutesError
from bridge.routing.file import load_routes
from bridge.routing.model import is_pattern
from bridge.running.start import ABSENT
from common.counted import counted
from common.exit_codes import PluginState
from common.number_arguments import decimal_number

if TYPE_CHECKING:
    from bridge.delivery.work import Partition
    from bridge.lag_report import Lags, Row

NOT_MEASURED: Final[dict[str, Any]] = {
    "state": "unknown",
    "oldest_s": None,
    "partitions": [],
    "unserved": [],
    "absent": [],
}


class Command(KafkaCommand):
    help = (
        "Show how far the bridge is behind. For each partition, prints the committed offset, the end offset, the\n"
        "lag, and the age of the oldest unfinished record. The lag is a number of offsets. Some offsets have no\n"
        "record, such as the end of a transaction. Joins no consumer group, and also works while no bridge runs."
    )
    epilog = """\
exit codes (those of a monitoring plugin):
  0  the oldest waiting record is at most --warn seconds old
  1  a waiting record is older than --warn seconds, or a topic of the routes file does not exist
  2  a waiting record is older than --critical seconds
     (a mistyped option also exits with 2)
  3  unknown; the output says why: Kafka does not answer or refuses access, Kafka cannot serve a partition (and no
     record is older than --critical), the routes file or a setting is missing or invalid, or the output cannot be
     written

examples:
  manage.py bridge_lag
  manage.py bridge_lag --warn 30 --critical 300 --json

docs/runbook.md (RealtimeBridgeBehind) explains what to do about a lag."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--warn",
            type=decimal_number(0),
            default=60.0,
            metavar="S",
            help="exit with 1 above this age in seconds (60)",
        )
        parser.add_argument(
            "--critical",
            type=decimal_number(0),
            default=600.0,
            metavar="S",
            help="exit with 2 above this age in seconds (600)",
        )

    def handle(self, *args: Any, as_json: bool, warn: float, critical: float, **options: Any) -> None:
        with self._reporting_unknown(as_json):
            routed = self._topics()
            replay = [settings.BRIDGE_REPLAY_TOPIC] if settings.BRIDGE_REPLAY_TOPIC else []
            rows, unserved, absent = self.lags([*routed, *replay])
        oldest_s = max((row.oldest_s or 0.0 for row in rows), default=0.0)
        missing = [topic for topic in absent if topic in routed and not is_pattern(topic)]
        state = max(_state(oldest_s, warn, critical), PluginState.WARNING if missing else PluginState.OK)
        if unserved and state is not PluginState.CRITICAL:
            state = PluginState.UNKNOWN
        if as_json:
            found = {
                "state": state.name.lower(),
                "oldest_s": oldest_s,
                "partitions": [row._asdict() for row in rows],
                "unserved": [_unserved(*each) for each in unserved.items()],
                "absent": absent,
            }
            self.write_json(json.dumps(found))
        else:
            lines = [*map(_line, rows), *starmap(_no_service, unserved.items()), *map(_absence, absent)]
            self.stdout.write("\n".join([_summary(state, rows, oldest_s), *lines]))
        sys.exit(state)

    @contextmanager
    def _reporting_unknown(self, as_json: bool) -> Iterator[None]:
        """Exit with the state unknown if nothing could be measured. The message goes to stderr."""
        try:
            yield
        except (CommandError, KafkaUnreachable) as error:
            if as_json:
                self.write_json(json.dumps(NOT_MEASURED))
            if isinstance(error, CommandError):
                raise
            self.unknown(error)

    def lags(self, topics: Sequence[str]) -> "Lags":
        """The lag of the bridge's group in these topics and patterns. Raises KafkaUnreachable."""
        from bridge.lag_report import measure  # noqa: PLC0415

        return asyncio.run(measure(self.connection, settings.BRIDGE_KAFKA_GROUP, topics))

    def _topics(self) -> list[str]:
        if not settings.BRIDGE_ROUTES_PATH:
            raise CommandError("BRIDGE_ROUTES_PATH is not set.", returncode=PluginState.UNKNOWN)
        try:
            routes = load_routes(settings.BRIDGE_ROUTES_PATH)
        except RoutesError as error:
            raise CommandError(str(error), returncode=PluginState.UNKNOWN) from None
        return list(routes.topics)


def _summary(state: PluginState, rows: Sequence["Row"], oldest_s: float) -> str:
    lag = counted(sum(row.lag for row in rows), "offset")
    return f"BRIDGE LAG {state.name}: {lag} behind, oldest record {oldest_s:.0f} s"


def _line(row: "Row") -> str:
    committed = "-" if row.committed is None else row.committed
    age = "" if row.oldest_s is None else f"  oldest {row.oldest_s:.0f} s"
    return f"  {row.topic}:{row.partition}  committed {committed}  end {row.end}  lag {row.lag}{age}"


def _unserved(where: "Partition", error: str) -> dict[str, Any]:
    return {"topic": where.topic, "partition": where.number, "error": error}


def _no_service(where: "Partition", error: str) -> str:
    return f"  {where.topic}:{where.number}  lag unknown: Kafka cannot serve it now ({error}); look at the brokers"


def _absence(topic: str) -> str:
    return f"  {topic}  {'matches no topic that this user may describe' if is_pattern(topic) else ABSENT}"


def _state(oldest_s: float, warn: float, critical: float) -> PluginState:
    if oldest_s > critical:
        return PluginState.CRITICAL
    return PluginState.WARNING if oldest_s > warn else PluginState.OK
