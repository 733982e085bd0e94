"""Writing dead letters, and the log lines about them."""

import logging
from collections.abc import Callable, Iterator

import pytest
from msgspec import structs

from bridge.commands import Headers
from bridge.delivery.backoff import Backoff
from bridge.delivery.work import Assignment, Item, Partition
from bridge.running.letters import Letters, LetterTopics
from tests.bridge.made import POISON, record
from tests.harness.fakes import FakeClock
from tests.harness.waiting import until


class Confirming:
    """A writer whose Kafka confirms every letter immediately."""

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None: ...


def failed(offset: int) -> Item:
    """A record that goes to the dead letters."""
    assignment = Assignment(Partition("diary", 0))
    return Item(offset, 0, 2, 0, False, assignment, record(offset), failures=[POISON])


def letters(delivered: Callable[[Item], None], clock: FakeClock) -> Letters:
    """A `Letters` whose writer confirms every letter immediately."""
    return Letters(
        writer=Confirming(),
        topics=LetterTopics("letters", ""),
        backoff=Backoff(0.01, 0.01),
        version="1.0.0",
        on_delivered=delivered,
        clock=clock.time,
        spread=lambda: 0.0,
    )


@pytest.mark.parametrize(("step_s", "lines"), [(0.9, 1), (1.0, 2), (-3600.0, 2)])
async def test_a_reason_is_logged_at_most_once_a_second_and_again_after_the_clock_was_set_back(
    step_s: float, lines: int, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bridge")
    delivered: list[Item] = []
    writing = letters(delivered.append, clock)

    writing.write(failed(0))
    await until(lambda: len(delivered) == 1)
    clock.advance(step_s)
    writing.write(failed(1))
    await until(lambda: len(delivered) == 2)

    assert [each.message for each in caplog.records] == ["dead letter"] * lines


class FaultyHeaders(tuple[tuple[str, bytes | None], ...]):
    """Headers that raise an error the first time they are read."""

    faults = 0

    def __iter__(self) -> Iterator[tuple[str, bytes | None]]:
        self.faults += 1
        if self.faults == 1:
            raise RuntimeError("with a value of the event")
        return super().__iter__()


async def test_a_letter_is_written_although_an_internal_error_prevented_the_first_attempt(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    delivered: list[Item] = []
    item = failed(0)
    item.record = structs.replace(item.record, headers=FaultyHeaders())

    letters(delivered.append, clock).write(item)
    await until(lambda: delivered == [item])

    [found] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert found.message == "writing a dead letter failed with an internal error"
    assert found.__dict__["error"] == "RuntimeError"
    assert "with a value" not in caplog.text
