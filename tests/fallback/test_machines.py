"""Random histories of a detector and of a pool, compared with short models."""

from itertools import takewhile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from fallback.outage import OutageDetector, OutageEnded, OutageOpened
from fallback.tickets import TicketPool
from tests.harness.examples import scaled

WINDOW_S = 5
STEPS = settings(max_examples=scaled(100), stateful_step_count=50)


class DetectorLife(RuleBasedStateMachine):
    """Clients' calls and probes that fail, are answered or are cancelled in any order, while time passes.
    A streak is a series of failures that no answer to a client interrupts. The model has a list of the current
    streak's events, the youngest answered probe of that streak, and the youngest call that ended an earlier streak.
    Times are whole seconds, so that rounding has no effect.
    """

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.detector = OutageDetector(WINDOW_S, probing=True)
        self.now = 0
        self.seen: list[tuple[str, int]] = []
        self.youngest_end = 0
        self.youngest_answered_probe = 0
        self.degraded = False
        self.reported: list[type] = []

    @rule(target=calls)
    def start(self) -> int:
        return self.detector.call_started()

    @rule(target=calls)
    def start_two(self) -> object:
        return multiple(self.detector.call_started(), self.detector.call_started())

    @rule(seconds=st.integers(0, WINDOW_S + 1))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(call=consumes(calls))
    def fail(self, call: int) -> None:
        counts = call >= self.youngest_end
        steady = self._lately("client failed") and not self._lately("probe failed")
        trusted = OutageOpened in self.reported[-1:] or not self._lately("probe answered") or steady
        self._hear(self.detector.failed(call, self.now))

        self._fail("client failed", counts=counts, trusted=trusted)

    @rule(call=consumes(calls))
    def fail_probe(self, call: int) -> None:
        counts = bool(self.seen) and call >= max(self.youngest_end, self.youngest_answered_probe)
        self._hear(self.detector.probe_failed(call, self.now))

        self._fail("probe failed", counts=counts, trusted=not self._lately("probe answered"))

    def _fail(self, what: str, *, counts: bool, trusted: bool) -> None:
        self.seen += [(what, self.now)] if counts else []
        if counts and trusted and self.now - self.seen[0][1] > WINDOW_S:
            self.degraded = True

    @rule(call=consumes(calls))
    def answer(self, call: int) -> None:
        self._hear(self.detector.answered(call, self.now))

        self._end(call)

    @rule(call=consumes(calls))
    def answer_probe(self, call: int) -> None:
        self._hear(self.detector.probe_answered(call, self.now))

        if self.seen:
            self.degraded = False
            self.youngest_answered_probe = max(self.youngest_answered_probe, call)
            self.seen.append(("probe answered", self.now))
            answers = list(takewhile(lambda event: event[0] == "probe answered", reversed(self.seen)))
            if self.now - answers[-1][1] >= WINDOW_S:
                self._end(call)

    @rule(seconds=st.integers(WINDOW_S - 1, WINDOW_S + 1))
    def answer_probes(self, seconds: int) -> None:
        """Two answered probes about a window apart. Random steps hardly ever end a streak in this way."""
        self.answer_probe(self.detector.call_started())
        self.wait(seconds)
        self.answer_probe(self.detector.call_started())

    def _end(self, call: int) -> None:
        self.youngest_end = max(self.youngest_end, call) if self.seen else self.youngest_end
        self.seen, self.degraded, self.youngest_answered_probe = [], False, 0

    @rule(call=consumes(calls))
    def cancel(self, call: int) -> None:
        """A cancelled call is not reported."""

    def _lately(self, what: str) -> bool:
        return any(kind == what and self.now - moment <= WINDOW_S for kind, moment in self.seen)

    def _hear(self, notice: OutageOpened | OutageEnded | None) -> None:
        self.reported += [type(notice)] if notice else []

    @invariant()
    def the_detector_has_the_state_of_the_model(self) -> None:
        status = self.detector.status(self.now)
        failures = [moment for what, moment in self.seen if what != "probe answered"]
        assert status.consecutive_failure_count == len(failures)
        assert status.duration_s == (self.now - failures[0] if failures else None)
        assert (status.degraded, self.detector.calls_identity) == (self.degraded, not self.degraded)
        assert status.recovering == (bool(self.seen) and self.seen[-1][0] == "probe answered")

    @invariant()
    def outages_open_and_end_alternately(self) -> None:
        turns = [OutageOpened, OutageEnded] * (len(self.reported) // 2)
        assert self.reported == turns + [OutageOpened] * (len(self.reported) % 2)


class PoolLife(RuleBasedStateMachine):
    """Tickets in any order, some of them repeated, and some that were never in the pool."""

    @initialize(tickets=st.sets(st.sampled_from("abcdefgh")), watermark=st.integers(0, 9))
    def mint(self, tickets: set[str], watermark: int) -> None:
        self.minted = tickets
        self.watermark = watermark
        self.pool = TicketPool.of(tickets, watermark)
        self.accepted: list[str] = []
        self.crossed: list[int] = []

    @rule(ticket=st.sampled_from("abcdefghij"))
    def offer(self, ticket: str) -> None:
        expected = ticket in self.minted and ticket not in self.accepted

        consumed = self.pool.consume(ticket)

        assert consumed is expected
        if consumed:
            self.accepted.append(ticket)
            self.crossed += [len(self.pool)] if self.pool.crosses_watermark(len(self.pool)) else []

    @rule(ticket=st.sampled_from("abcdefghij"))
    def contains(self, ticket: str) -> None:
        assert (ticket in self.pool) is (ticket in self.minted and ticket not in self.accepted)

    @invariant()
    def no_ticket_is_consumed_twice(self) -> None:
        assert len(self.accepted) == len(set(self.accepted))

    @invariant()
    def no_ticket_vanishes_without_an_acceptance(self) -> None:
        left = {ticket for ticket in self.minted if ticket in self.pool}
        assert left == self.minted - set(self.accepted)
        assert len(self.pool) == len(left)

    @invariant()
    def the_watermark_is_crossed_at_most_once(self) -> None:
        crosses = len(self.minted) >= self.watermark > len(self.pool)
        assert self.crossed == ([self.watermark - 1] if crosses else [])


TestDetectorLife = DetectorLife.TestCase
TestDetectorLife.settings = STEPS
TestPoolLife = PoolLife.TestCase
TestPoolLife.settings = STEPS
