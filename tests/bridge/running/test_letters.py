"""The log lines of dead letters."""

import pytest

from bridge.commands import Headers
from bridge.delivery.backoff import Backoff
from bridge.delivery.work import Assignment, Item, Partition
from bridge.running.letters import Letters, LetterTopics
from tests.bridge.made import POISON, record
from tests.harness.fakes import FakeClock
from tests.harness.waiting import until


class Confirming:
    """Kafka, which has every letter at once."""

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None: ...


def failed(offset: int) -> Item:
    """A record that goes to the dead letters."""
    assignment = Assignment(Partition("diary", 0))
    return Item(offset, 0, 2, 0, False, assignment, record(offset), failures=[POISON])


@pytest.mark.parametrize(("step_s", "lines"), [(0.9, 1), (1.0, 2), (-3600.0, 2)])
async def test_a_reason_is_logged_once_a_second_and_again_after_the_clock_was_set_back(
    step_s: float, lines: int, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bridge")
    delivered: list[Item] = []
    letters = Letters(
        writer=Confirming(),
        topics=LetterTopics("letters", ""),
        backoff=Backoff(0.01, 0.01),
        version="1.0.0",
        on_delivered=delivered.append,
        clock=clock.time,
        spread=lambda: 0.0,
    )
    letters.write(failed(0))
    await until(lambda: len(delivered) == 1)
    clock.advance(step_s)
    letters.write(failed(1))
    await until(lambda: len(delivered) == 2)

    assert [each.message for each in caplog.records] == ["dead letter"] * lines
