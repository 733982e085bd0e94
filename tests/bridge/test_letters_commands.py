"""The options of the commands for dead letters. These tests need no Kafka."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bridge.commands import Record
from bridge.dead_letters.selection import DeadLetter, dead_letter
from bridge.kafka.connection import KafkaConnection
from bridge.management.commands.replay_dead_letters import Command

OURS = (("bridge.topic", b"diary"), ("bridge.partition", b"0"), ("bridge.offset", b"7"))


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", "9" * 10])
@pytest.mark.parametrize(
    ("command", "option"),
    [("inspect_dead_letters", "--limit"), ("replay_dead_letters", "--limit"), ("replay_dead_letters", "--rate")],
)
def test_only_a_whole_number_in_range_is_accepted(command: str, option: str, given: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: '{given}' is not accepted; accepted: a whole number"):
        call_command(command, f"{option}={given}")


def test_a_replay_without_a_selection_ends_with_code_2_like_a_mistyped_option() -> None:
    with pytest.raises(CommandError, match=r"^Select dead letters with --all, --reason R or --topic T\.$") as refused:
        call_command("replay_dead_letters", "--offset", "7")

    assert refused.value.returncode == 2


class CancelledReplay(Command):
    """A replay that is cancelled, as by Ctrl-C, while it reads the first of its letters again."""

    connection = KafkaConnection("127.0.0.1:1")
    letters: list[DeadLetter]
    read = 0

    def partitions(self, setting: str) -> int:
        return 1

    @contextmanager
    def reader(self) -> Iterator[Any]:
        yield None

    def newest_first(self, *_: Any, **__: Any) -> Iterator[DeadLetter]:
        return iter(self.letters)

    @contextmanager
    def reread(self, places: Any) -> Iterator[Iterator[tuple[int, DeadLetter]]]:
        yield self._cancelling()

    def _cancelling(self) -> Iterator[tuple[int, DeadLetter]]:
        if task := asyncio.current_task():
            task.cancel()
        for index, letter in enumerate(self.letters):
            self.read += 1
            yield index, letter


@pytest.mark.parametrize(("dry_run", "headers"), [(True, OURS), (False, ())])
def test_ctrl_c_also_ends_a_replay_that_writes_nothing(dry_run: bool, headers: Any) -> None:
    replay = CancelledReplay(stdout=io.StringIO())
    replay.letters = [dead_letter(Record("dead-letters", 0, offset, 0, None, b"{}", headers)) for offset in range(100)]

    with pytest.raises(asyncio.CancelledError):
        replay.handle(everything=True, limit=None, rate=100, dry_run=dry_run, even_old=False, reason="", topic="")

    assert replay.read == 1
