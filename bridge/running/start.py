"""Checks the topics after Kafka has answered and before the bridge reads. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bridge.routing.model import covers, is_pattern
from bridge.running.letters import LetterTopics

ABSENT: Final = "does not exist, or this user may not describe it"  # Kafka hides a topic from users without this right


class StartError(Exception):
    """The bridge cannot start. The message says what to do."""


class Topics(NamedTuple):
    """`subscribed` are the topics to read. `missing` are the topics of the routes file that do not exist.

    `replay_missing` is true if a replay topic is set and does not exist.
    """

    subscribed: list[str]
    missing: list[str]
    replay_missing: bool


def check_topics(routed: Sequence[str], letters: LetterTopics, existing: Mapping[str, int], brokers: str) -> Topics:
    """The topics to read. Missing topics of the routes file may be created later.

    Raises StartError if the dead-letter topic does not exist, or if the routes file reads the dead-letter topic or the
    replay topic.
    """
    if fault := next(start_faults(routed, letters, existing, brokers), ""):
        raise StartError(fault)
    return topics_of(routed, letters, existing)


def topics_of(routed: Sequence[str], letters: LetterTopics, existing: Collection[str]) -> Topics:
    """The topics to read, and the missing ones."""
    replay = [letters.replay] if letters.replay and letters.replay in existing else []
    return Topics([*routed, *replay], _missing(routed, existing), bool(letters.replay) and not replay)


def start_faults(
    routed: Sequence[str], letters: LetterTopics, existing: Collection[str], brokers: str
) -> Iterator[str]:
    """Why a bridge with these topics cannot start, one message for each cause."""
    if letters.dead_letters and letters.dead_letters not in existing:
        yield missing_topic("BRIDGE_DEAD_LETTER_TOPIC", letters.dead_letters, brokers)
    for name in (letters.dead_letters, letters.replay):
        if reading := [own for own in routed if name and covers(own, name)]:
            yield (
                f"The routes file reads {name}: dead letters would be read as events. "
                f"In the routes file, remove or narrow {reading[0]}."
            )


def _missing(routed: Sequence[str], existing: Collection[str]) -> list[str]:
    return [topic for topic in routed if not is_pattern(topic) and topic not in existing]


def missing_topic(setting: str, topic: str, brokers: str) -> str:
    """The message about a topic that the operator has to create."""
    command = f"kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic} --partitions 3"
    return f"{setting}: the topic {topic} {ABSENT}. Create it: {command}"
