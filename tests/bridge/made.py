"""Records, commands and errors that several tests use."""

from bridge import commands
from bridge.commands import Command, Poison, Reason, Record

POISON = Poison(Reason.NOT_JSON, "line 1 column 1")


def record(offset: int = 0, *, topic: str = "diary", partition: int = 0, value: bytes | None = b"{}") -> Record:
    return Record(topic, partition, offset, 1_700_000_000_000 + offset, b"key", value)


def publication(channel: str, *more: str, burst: int = 1, data: bytes = b"{}", action: int = 1) -> Command:
    return commands.publish(route="diary", action=action, channels=(channel, *more), data=data, burst=burst)


# Centrifugo's permanent errors, each with the reason in the dead letter.
PERMANENT_ERRORS = [
    (102, "unknown_channel"),
    (104, "unknown_method"),
    (107, "rejected"),
    (108, "not_available"),
    (112, "rejected"),
    (113, "rejected"),
]
