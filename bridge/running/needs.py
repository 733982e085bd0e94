"""The rights that the bridge needs in Kafka: the operations on topics and on the consumer group. Pure."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from bridge.routing.model import covers
from bridge.running.letters import LetterTopics

READ: Final = "READ"
WRITE: Final = "WRITE"


class Need(NamedTuple):
    """The right to perform this operation on a topic or a group.

    `setting` is the environment variable that contains the name of the topic or the group. It is empty if the name is
    from the routes file.
    """

    operation: str
    kind: str
    name: str
    setting: str = ""

    def __str__(self) -> str:
        named = f" ({self.setting})" if self.setting else ""
        return f"{self.operation} on the {self.kind} {self.name}{named}"


def on_topics(routed: Sequence[str], letters: LetterTopics, existing: Collection[str]) -> list[Need]:
    """The rights that are needed on the existing topics. A pattern stands for all topics that it matches."""
    events = sorted(topic for topic in existing if any(covers(own, topic) for own in routed))
    more = [
        Need(READ, "topic", letters.replay, "BRIDGE_REPLAY_TOPIC"),
        Need(WRITE, "topic", letters.dead_letters, "BRIDGE_DEAD_LETTER_TOPIC"),
    ]
    return [*(Need(READ, "topic", topic) for topic in events), *(need for need in more if need.name in existing)]


def on_group(group: str) -> Need:
    """The right on the consumer group."""
    return Need(READ, "group", group, "BRIDGE_KAFKA_GROUP")
