"""Records and commands for tests of what does not look into them."""

from bridge import commands
from bridge.commands import Command, Poison, Reason, Record

POISON = Poison(Reason.NOT_JSON, "line 1 column 1")


def record(offset: int = 0, *, topic: str = "diary", partition: int = 0, value: bytes | None = b"{}") -> Record:
    return Record(topic, partition, offset, 1_700_000_000_000 + offset, b"key", value)


def publication(channel: str, *more: str, burst: int = 1, data: bytes = b"{}", action: int = 1) -> Command:
    return commands.publish(route="diary", action=action, channels=(channel, *more), data=data, burst=burst)
