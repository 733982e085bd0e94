"""Writes dead letters. Repeats a failed write until Kafka has the letter or the assignment has ended."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bridge.commands import Headers, Record
from bridge.delivery.backoff import Backoff
from bridge.delivery.dead_letter import Letter, Size, message_of, position_of
from bridge.delivery.work import Item
from bridge.kafka.errors import NotDelivered
from bridge.running.tracebacks import without_text

QUIET_S: Final = 1.0

logger = logging.getLogger("bridge")


class Writer(Protocol):
    """The destination of dead letters."""

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write a message and wait until Kafka has it. Raises NotDelivered."""


@dataclass(frozen=True)
class LetterTopics:
    """The topic of dead letters, and the topic of replayed dead letters. "" = no topic."""

    dead_letters: str
    replay: str


class Letters:
    """Dead letters in flight. Calls `on_delivered` for each record once Kafka has its letter."""

    def __init__(
        self,
        *,
        writer: Writer,
        topics: LetterTopics,
        backoff: Backoff,
        version: str,
        on_delivered: Callable[[Item], None],
        clock: Callable[[], float],
        spread: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._topics = topics
        self._backoff = backoff
        self._version = version
        self._on_delivered = on_delivered
        self._clock = clock
        self._spread = spread
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: set[Item] = set()
        self._logged_at: dict[str, float] = {}

    def write(self, item: Item) -> None:
        """Begin to write the dead letter of a record with its current failures."""
        task = asyncio.create_task(self._write(item))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def undelivered(self) -> int:
        """The number of dead letters that Kafka did not accept, and that will be tried again."""
        return sum(not item.assignment.ledger.fenced for item in self._refused)

    async def _write(self, item: Item) -> None:
        try:
            await self._write_until_delivered(item)
        finally:
            self._refused.discard(item)

    async def _write_until_delivered(self, item: Item) -> None:
        position, replays = position_of(item.record, self._topics.replay)
        letter = Letter(position, tuple(item.failures), item.attempts, replays, self._clock(), self._version)
        failures = 0
        size = Size.WHOLE
        while not item.assignment.ledger.fenced:
            error = await self._send(letter, item.record, size)
            if error is None:
                self._log(letter)
                self._on_delivered(item)
                return
            if error.too_large and (smaller := size.smaller()):
                size = smaller
                continue
            failures += 1
            self._refused.add(item)
            if self._is_due(str(error)):
                where = {"topic": self._topics.dead_letters}
                logger.warning("a dead letter was not delivered; retrying", extra={**where, "cause": str(error)})
            await asyncio.sleep(self._backoff.delay_s(failures, self._spread()))

    async def _send(self, letter: Letter, record: Record, size: Size) -> NotDelivered | None:
        """Write a letter once. Returns why Kafka has not confirmed it; None if Kafka has confirmed it."""
        try:
            key, value, headers = message_of(letter, record, size)
            await self._writer.send(self._topics.dead_letters, key=key, value=value, headers=headers)
        except NotDelivered as error:
            return error
        except Exception as error:  # otherwise, a bug would stop the partition without a log line
            logger.error("writing a dead letter failed with an internal error", extra=without_text(error))
            return NotDelivered("internal error")
        return None

    def _log(self, letter: Letter) -> None:
        """Log position and reason, at most once a second for each reason."""
        reason = str(letter.failures[0].reason)
        if not self._is_due(reason):
            return
        where = {"topic": letter.position.topic, "partition": letter.position.partition}
        logger.info("dead letter", extra={**where, "offset": letter.position.offset, "reason": reason})

    def _is_due(self, reason: str) -> bool:
        """True at most once a second for each reason or cause, because many letters may be in flight."""
        now = self._clock()
        if 0 <= now - self._logged_at.get(reason, 0.0) < QUIET_S:  # negative after the clock was set back
            return False
        self._logged_at[reason] = now
        return True

    async def stop(self) -> None:
        """Cancel letters in flight. The next owner reads their records again."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
