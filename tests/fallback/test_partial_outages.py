"""How many clients need the pool while identity answers only some calls. Clients connect at different rates."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fallback.outage import OutageDetector

WINDOW_S, PROBE_S, HOUR_S = 5.0, 1.0, 3600.0
Answers = Callable[[int, bool], bool]


@dataclass
class Hour:
    """Clients that connect at a steady rate, and the background probe, in virtual time, until `until_s`.

    `answers` gets the number of a call and whether it is a probe, and returns whether identity answers it.
    """

    answers: Answers
    period_s: float
    until_s: float = HOUR_S
    detector: OutageDetector = field(default_factory=lambda: OutageDetector(WINDOW_S, probing=True))
    pooled: int = 0
    answered: int = 0
    calls: int = 0

    def run(self) -> "Hour":
        client_at, probe_at = 0.0, None
        while client_at < self.until_s:
            if probe_at is not None and probe_at < client_at:
                self._probe(probe_at)
                probe_at = probe_at + PROBE_S if self.detector.failing else None
            else:
                self._connect(client_at)
                client_at += self.period_s
                if probe_at is None and self.detector.failing:
                    probe_at = client_at - self.period_s + PROBE_S
        return self

    def _connect(self, now: float) -> None:
        if not self.detector.calls_identity:
            self.pooled += 1
            return
        if self._asked(probe=False):
            self.answered += 1
            self.detector.answered(self.detector.call_started(), now)
            return
        self.detector.failed(self.detector.call_started(), now)
        self.pooled += self.detector.degraded

    def _probe(self, now: float) -> None:
        for _ in range(2 if self.detector.contradicted else 1):
            if self.detector.failing:
                report = self.detector.probe_answered if self._asked(probe=True) else self.detector.probe_failed
                report(self.detector.call_started(), now)

    def _asked(self, *, probe: bool) -> bool:
        self.calls += 1
        return self.answers(self.calls, probe)


# Periods that are in phase with the probe, and periods that drift against it.
PERIODS = pytest.mark.parametrize("period_s", [10.0, 10.05, 5.0, 2.0, 1.0, 1.005, 0.99, 0.5, 1 / 60], ids=str)


@PERIODS
@pytest.mark.parametrize("first", [0, 1])
def test_when_every_other_call_fails_the_pool_stays_closed(period_s: float, first: int) -> None:
    hour = Hour(lambda call, probe: call % 2 == first, period_s, until_s=min(HOUR_S, 20_000 * period_s)).run()

    assert hour.pooled == 0
    assert hour.answered > 0


@PERIODS
def test_when_calls_fail_at_random_half_of_the_time_few_clients_need_the_pool(period_s: float) -> None:
    chance = random.Random(7)  # noqa: S311  (no secret)
    hour = Hour(lambda call, probe: chance.random() < 0.5, period_s, until_s=min(HOUR_S, 20_000 * period_s)).run()

    assert hour.pooled <= 0.05 * hour.until_s / period_s


@PERIODS
def test_when_every_call_fails_the_pool_opens_within_a_window_and_a_probe_interval(period_s: float) -> None:
    hour = Hour(lambda call, probe: False, period_s, until_s=60).run()

    assert hour.pooled >= (60 - WINDOW_S - PROBE_S) // period_s - 1
    assert hour.answered == 0


@pytest.mark.parametrize("period_s", [2.0, 1.0, 0.5, 1 / 60], ids=str)
def test_when_only_probes_are_answered_frequent_clients_open_the_pool(period_s: float) -> None:
    hour = Hour(lambda call, probe: probe, period_s, until_s=60).run()

    assert hour.pooled >= 0.5 * 60 / period_s


@PERIODS
def test_one_failed_call_does_not_open_the_pool(period_s: float) -> None:
    hour = Hour(lambda call, probe: call != 1, period_s, until_s=min(HOUR_S, 20_000 * period_s)).run()

    assert (hour.pooled, hour.detector.failing) == (0, False)
