"""Random lives of a detector and of a pool, held to models of a few lines."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from fallback.outage import OutageDetector, OutageEnded, OutageOpened
from fallback.tickets import Consumed, TicketPool
from tests.harness.examples import scaled

WINDOW_S = 5
STEPS = settings(max_examples=scaled(100), stateful_step_count=50)


class DetectorLife(RuleBasedStateMachine):
    """Calls that fail, are answered or cancelled in any order, while time goes on.

    The model is the list of failures since the last answer that ended a streak, and the number of the call that
    ended one last. Time is whole seconds, so that no rounding decides.
    """

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.detector = OutageDetector(WINDOW_S)
        self.now = 0
        self.failed_at: list[int] = []
        self.youngest_end = 0
        self.told: list[type] = []

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
        self._hear(self.detector.failed(call, self.now))

        self.failed_at += [self.now] if call >= self.youngest_end else []

    @rule(call=consumes(calls))
    def answer(self, call: int) -> None:
        self._hear(self.detector.answered(call, self.now))

        self.youngest_end = max(self.youngest_end, call) if self.failed_at else self.youngest_end
        self.failed_at = []

    @rule(call=consumes(calls))
    def cancel(self, call: int) -> None:
        """Nobody is told of a cancelled call."""

    @rule()
    def look(self) -> None:
        self._hear(self.detector.notice(self.now))

    def _hear(self, notice: OutageOpened | OutageEnded | None) -> None:
        self.told += [type(notice)] if notice else []

    @invariant()
    def the_detector_is_what_the_model_is(self) -> None:
        age = self.now - self.failed_at[0] if self.failed_at else None
        degraded = age is not None and age > WINDOW_S
        assert self.detector.status(self.now) == (degraded, len(self.failed_at), age)

    @invariant()
    def outages_open_and_end_in_turn(self) -> None:
        assert self.told == [OutageOpened, OutageEnded] * (len(self.told) // 2) + [OutageOpened] * (len(self.told) % 2)


class PoolLife(RuleBasedStateMachine):
    """Tickets offered in any order, the same ones again and again, and some that were never in the pool."""

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

        assert (consumed is not None) is expected
        if consumed is not None:
            self._accept(ticket, consumed)

    def _accept(self, ticket: str, consumed: Consumed) -> None:
        self.accepted.append(ticket)
        assert consumed.remaining == len(self.pool)
        self.crossed += [consumed.remaining] if consumed.crossed_watermark else []

    @rule(ticket=st.sampled_from("abcdefghij"))
    def look(self, ticket: str) -> None:
        assert (ticket in self.pool) is (ticket in self.minted and ticket not in self.accepted)

    @invariant()
    def no_ticket_is_consumed_twice(self) -> None:
        assert len(self.accepted) == len(set(self.accepted))

    @invariant()
    def none_vanishes_without_an_acceptance(self) -> None:
        left = {ticket for ticket in self.minted if ticket in self.pool}
        assert left == self.minted - set(self.accepted)
        assert len(self.pool) == len(left)

    @invariant()
    def the_watermark_is_told_once_when_it_is_crossed(self) -> None:
        crosses = len(self.minted) >= self.watermark > len(self.pool)
        assert self.crossed == ([self.watermark - 1] if crosses else [])


TestDetectorLife = DetectorLife.TestCase
TestDetectorLife.settings = STEPS
TestPoolLife = PoolLife.TestCase
TestPoolLife.settings = STEPS
