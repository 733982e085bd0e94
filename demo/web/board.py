"""The data that the page shows: samples of the service, the timeline, and messages of clients without Centrifugo."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.web.feed import Feed
from demo.web.readings import Reading, between
from demo.web.story import Phase, Sentence, change_of_phase, change_of_pool, phase_of


@dataclass
class Board:
    """The page reads this data. watch.py, the controls and the stand-in write it.

    `window_s` is FALLBACK_DEGRADED_WINDOW_MS of the service, in seconds.
    """

    window_s: float
    samples: Feed = field(default_factory=Feed)
    timeline: Feed = field(default_factory=Feed)
    publications: Feed = field(default_factory=Feed)
    phase: Phase = Phase.STARTING
    health: Mapping[str, Any] | None = None
    _reading: Reading | None = None
    _silent_since: float = 0.0

    def tell(self, *sentences: Sentence) -> None:
        """Adds sentences to the timeline."""
        for kind, text in sentences:
            self.timeline.add(at_ms=_now_ms(), kind=kind, text=text)

    def take(self, health: Mapping[str, Any], reading: Reading, now: float) -> None:
        """Adds the health and the metrics of the service. `now` is the time in monotonic seconds."""
        phase, pool = phase_of(health), health["fallback_pool"]
        if phase is Phase.FAILING and self.phase is not Phase.FAILING:
            self._silent_since = now
        self.tell(*change_of_phase(self.phase, phase, now - self._silent_since, self.window_s))
        if self.health is not None:
            before = self.health["fallback_pool"]["size"]
            self.tell(*change_of_pool(before, pool["size"], pool["low_watermark"]))
        if self._reading is not None:
            sample = between(self._reading, reading)
            self.samples.add(at_ms=_now_ms(), phase=phase, tickets=pool["size"], **sample)
        self.phase, self.health, self._reading = phase, health, reading


def _now_ms() -> int:
    return int(time.time() * 1000)
