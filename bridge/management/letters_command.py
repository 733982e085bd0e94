"""The common parts of the commands that need Kafka: the commands for dead letters, and bridge_lag."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import CommandError

from bridge.delivery.work import Partition
from bridge.kafka.errors import PropertyRefused, problem
from bridge.running.start import missing_topic
from common.exit_codes import PluginState
from common.operator_command import OperatorCommand
from common.secret_files import SecretError

if TYPE_CHECKING:
    from bridge.dead_letters.rereading import Place
    from bridge.dead_letters.selection import DeadLetter, Selection
    from bridge.kafka.connection import KafkaConnection
    from bridge.kafka.reader import TopicReader

LARGEST: Final = 999_999_999  # the largest value of --limit and --rate


class KafkaCommand(OperatorCommand):
    """A command that needs Kafka. If Kafka does not answer, it exits with 3 (UNKNOWN), like a monitoring plugin."""

    requires_system_checks = []  # a routes file with faults must not stop a command that does not read it

    @cached_property
    def connection(self) -> "KafkaConnection":
        """How to reach Kafka. The properties are checked once. Raises CommandError."""
        from bridge.kafka.acceptance import check_properties  # noqa: PLC0415
        from bridge.running.configuration import ConfigurationError, kafka_connection  # noqa: PLC0415

        try:
            connection = kafka_connection(settings)
            check_properties(connection)
        except (ConfigurationError, SecretError, PropertyRefused) as error:
            raise CommandError(str(error), returncode=PluginState.UNKNOWN) from None
        return connection

    def unknown(self, error: Exception) -> None:
        """Write what is wrong with Kafka, and exit with 3 (UNKNOWN)."""
        self.stderr.write(f"Kafka at {settings.BRIDGE_KAFKA_BROKERS} {problem(str(error))}")
        sys.exit(PluginState.UNKNOWN)


class LettersCommand(KafkaCommand):
    """A command that reads the dead-letter topic."""

    def partitions(self, setting: str) -> int:
        """The number of partitions of the topic in this setting.

        Raises KafkaUnreachable, or CommandError if a setting is wrong or the topic does not exist.
        """
        from bridge.kafka.connection import admin_properties  # noqa: PLC0415
        from bridge.kafka.lag import Brokers  # noqa: PLC0415

        topic = need_topic(setting)
        topics = asyncio.run(Brokers(admin_properties(self.connection)).topics())
        if topic not in topics:
            raise CommandError(missing_topic(setting, topic, self.connection.brokers), returncode=PluginState.UNKNOWN)
        return topics[topic]

    @contextmanager
    def reader(self) -> Iterator["TopicReader"]:
        """A reader of topics, without a consumer group."""
        from bridge.kafka.connection import admin_properties  # noqa: PLC0415
        from bridge.kafka.reader import topic_reader  # noqa: PLC0415

        with topic_reader(admin_properties(self.connection)) as reader:
            yield reader

    def newest_first(
        self, reader: "TopicReader", partitions: int, selection: "Selection", *, contents: bool
    ) -> Iterator["DeadLetter"]:
        """The selected letters, newest first. They have keys and values only if `contents` is true."""
        from bridge.dead_letters.selection import dead_letter, newest_first, without_contents  # noqa: PLC0415

        topic = settings.BRIDGE_DEAD_LETTER_TOPIC
        keep = (lambda record: record) if contents else without_contents
        streams = [map(dead_letter, reader.backward(Partition(topic, number), keep)) for number in range(partitions)]
        return filter(selection.fits, newest_first(streams, selection.since_ms))

    @contextmanager
    def reread(self, places: Sequence["Place"]) -> Iterator[Iterator[tuple[int, "DeadLetter"]]]:
        """The index in `places` and the letter, with key and value, for each place. Deleted letters are skipped."""
        from bridge.dead_letters.rereading import reread, spans  # noqa: PLC0415
        from bridge.dead_letters.selection import dead_letter  # noqa: PLC0415

        topic = settings.BRIDGE_DEAD_LETTER_TOPIC
        with ExitStack() as readers:
            streams = {
                number: readers.enter_context(self.reader()).forward(Partition(topic, number), first, last + 1)
                for number, (first, last) in spans(places).items()
            }
            yield ((index, dead_letter(record)) for index, record in reread(places, streams))


def since_ms(since_s: float | None) -> int:
    """The start of the selected time range, in milliseconds since 1970; 0 = no limit."""
    return 0 if since_s is None else int((time.time() - since_s) * 1000)


def need_topic(name: str) -> str:
    """The topic in a setting. Raises CommandError if the setting is empty."""
    topic = str(getattr(settings, name))
    if not topic:
        raise CommandError(f"{name} is empty, but this command needs the topic.", returncode=PluginState.UNKNOWN)
    return topic


def selection_from(options: dict[str, Any]) -> "Selection":
    """The selection that the options of the command describe."""
    from bridge.dead_letters.selection import Selection  # noqa: PLC0415

    return Selection(
        reason=options.get("reason") or "",
        route=options.get("route") or "",
        topic=options.get("topic") or "",
        partition=options.get("partition"),
        offset=options.get("offset"),
        since_ms=since_ms(options.get("since")),
    )
