"""Writes dead letters to the replay topic, one at a time."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from bridge.dead_letters.selection import DeadLetter, replay_headers, why_not_replayed
from bridge.kafka.errors import NotDelivered
from bridge.kafka.producer import KafkaProducer


@dataclass
class Replay:
    """Writes at most `rate` dead letters a second to `topic`. If `dry_run` is true, it only counts them.

    `left` is the number of dead letters that are not replayed, by reason.
    """

    producer: KafkaProducer
    topic: str
    rate: int
    even_old: bool
    dry_run: bool
    written: int = 0
    left: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    async def take(self, letter: DeadLetter) -> None:
        """Write this dead letter if it may be replayed. Raises NotDelivered."""
        await asyncio.sleep(0)  # lets Ctrl-C end the command even if no letter is written
        if why := why_not_replayed(letter, even_old=self.even_old):
            self.left[why] += 1
        elif self.dry_run or await self._write(letter):
            self.written += 1
        else:
            self.left["too_large"] += 1

    async def _write(self, letter: DeadLetter) -> bool:
        """False if the letter is larger than the topic accepts. Raises NotDelivered for other failures."""
        await asyncio.sleep(max(0.0, self.began + self.written / self.rate - time.monotonic()))
        record = letter.record
        try:
            await self.producer.send(self.topic, key=record.key, value=record.value, headers=replay_headers(letter))
        except NotDelivered as error:
            if error.too_large:
                return False
            raise
        return True
