"""Random histories of a fleet that shares a store: crashes, lost answers, late claims, callers that hang up.

The code under test is the real `Admission` with the real `SharedClaims`. The store is a dictionary behind a network
that records, answers and loses claims in random order.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from fallback.admission import Admission, Admitted
from fallback.claims.claims import OnError, Result, SharedClaims
from fallback.claims.keys import ticket_key
from fallback.claims.store import Answer, StoreError, StoreKind
from fallback.outage import OutageDetector
from fallback.tickets import LoadStatus, TicketPool, digest
from tests.fallback.claims.claiming import Remembered, remembered
from tests.harness.examples import scaled

TICKETS = "ab"
STEPS = settings(max_examples=scaled(80), stateful_step_count=30)


@dataclass
class Question:
    """A claim that was sent. It may be recorded at any time or never, even if no caller waits for its answer."""

    key: str
    holder: str
    answer: "asyncio.Future[Answer]"
    recorded: bool = False


@dataclass
class Network:
    """The network and the store. `claims` are recorded and never lost; `questions` are all claims that were sent."""

    claims: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    def record(self, question: Question) -> None:
        self.claims.setdefault(question.key, question.holder)
        question.recorded = True

    def answer_to(self, question: Question) -> Answer:
        return Answer(self.claims[question.key] == question.holder, len(self.claims))


@dataclass
class Store:
    """One process's connection to the store."""

    network: Network
    holder: str
    kind = StoreKind.REDIS

    async def claim(self, key: str) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.network.questions.append(Question(key, self.holder, answer))
        return await answer

    async def contact(self) -> int:
        return len(self.network.claims)

    async def evicts(self) -> str:
        return ""

    async def close(self) -> None: ...


@dataclass
class Process:
    admission: Admission
    claims: SharedClaims
    connects: "list[tuple[str, asyncio.Task[Admitted | None]]]" = field(default_factory=list)


class FleetLife(RuleBasedStateMachine):
    """Three processes with the same pool, in an outage."""

    on_error = OnError.REFUSE

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.network = Network()
        self.now = 0.0
        self.lives = 0
        self.accepted: Counter[tuple[str, str]] = Counter()  # by ticket and holder
        self.processes = [self._started() for _ in range(3)]

    def _started(self) -> Process:
        self.lives += 1
        store = Store(self.network, f"life-{self.lives}")
        claims = SharedClaims(store, self.on_error, 1e6, lambda: self.now, Remembered())
        detector = OutageDetector(0)
        for second in (1, 2):
            detector.failed(detector.call_started(), second)
        pool = TicketPool.of(TICKETS, 0)
        return Process(Admission(detector, pool, LoadStatus.LOADED, 300, claims), claims)

    def _run(self) -> None:
        """Run all tasks as far as possible, and record the accepted connections."""
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))
        for process in self.processes:
            for ticket, task in [each for each in process.connects if each[1].done()]:
                process.connects.remove((ticket, task))
                if not task.cancelled() and task.result() is not None:
                    self.accepted[ticket, process.claims.store.holder] += 1  # type: ignore[attr-defined]

    @rule(index=st.integers(0, 2), ticket=st.sampled_from(TICKETS))
    def connect(self, index: int, ticket: str) -> None:
        process = self.processes[index]
        task = self.loop.create_task(process.admission.admit(ticket, 2.0, 0))
        process.connects.append((ticket, task))
        self._run()

    @precondition(lambda self: self.network.questions)
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        """The store records a claim, even if its process has given up or ended."""
        self.network.record(data.draw(st.sampled_from(self.network.questions)))

    @precondition(lambda self: any(each.recorded and not each.answer.done() for each in self.network.questions))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        waiting = [each for each in self.network.questions if each.recorded and not each.answer.done()]
        question = data.draw(st.sampled_from(waiting))
        question.answer.set_result(self.network.answer_to(question))
        self._run()

    @rule()
    def serve(self) -> None:
        """The store records every claim that was sent, and answers it if a caller waits."""
        for question in self.network.questions:
            self.network.record(question)
            if not question.answer.done():
                question.answer.set_result(self.network.answer_to(question))
        self._run()

    @precondition(lambda self: any(not each.answer.done() for each in self.network.questions))
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """The process gives up. Its claim may be recorded already, later, or never."""
        question = data.draw(st.sampled_from([each for each in self.network.questions if not each.answer.done()]))
        question.answer.set_exception(StoreError("lost"))
        self._run()

    @precondition(lambda self: any(process.connects for process in self.processes))
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        connects = [task for process in self.processes for _, task in process.connects]
        data.draw(st.sampled_from(connects)).cancel()
        self._run()

    @rule(index=st.integers(0, 2))
    def crash(self, index: int) -> None:
        for _, task in self.processes[index].connects:
            task.cancel()
        self._run()
        self.processes[index] = self._started()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(index=st.integers(0, 2))
    def contact(self, index: int) -> None:
        self.loop.run_until_complete(self.processes[index].claims.contact())

    @invariant()
    def no_ticket_is_accepted_twice(self) -> None:
        by_ticket = Counter(ticket for ticket, _ in self.accepted.elements())
        assert all(count == 1 for count in by_ticket.values()), self.accepted

    def teardown(self) -> None:
        """A running process still accepts a ticket that it has claimed, if the ticket has not yet connected anyone."""
        try:
            self._lose_all()
            self.now += 5.0
            for process in self.processes:
                self._use_held_tickets(process)
            self.no_ticket_is_accepted_twice()
        finally:
            self.loop.close()

    def _lose_all(self) -> None:
        for question in self.network.questions:
            if not question.answer.done():
                question.answer.set_exception(StoreError("the end"))
        self._run()

    def _use_held_tickets(self, process: Process) -> None:
        holder = process.claims.store.holder  # type: ignore[attr-defined]
        used = {ticket for ticket, _ in self.accepted}
        for ticket in TICKETS:
            if self.network.claims.get(ticket_key(digest(ticket))) == holder and ticket not in used:
                self.loop.run_until_complete(process.claims.contact())
                task = self.loop.create_task(process.admission.admit(ticket, 2.0, 0))
                process.connects.append((ticket, task))
                self._run()
                question = self.network.questions[-1]
                self.network.record(question)
                question.answer.set_result(self.network.answer_to(question))
                self._run()
                assert self.accepted[ticket, holder] == 1


class LocalFleetLife(FleetLife):
    """With `local`, each process accepts a ticket at most once, and duplicates are counted afterwards."""

    on_error = OnError.LOCAL

    @invariant()
    def no_ticket_is_accepted_twice(self) -> None:
        assert all(count == 1 for count in self.accepted.values()), self.accepted

    @rule(index=st.integers(0, 2))
    def crash(self, index: int) -> None:
        """Do nothing: a crash would lose unsent claims, and the duplicates could not be counted."""

    def teardown(self) -> None:
        try:
            self._lose_all()
            for process in self.processes:
                self._send_all(process)
            doubled = len(self.accepted) - len({ticket for ticket, _ in self.accepted})
            results = [result for process in self.processes for result in remembered(process.claims).results]
            assert results.count(Result.CONFLICT) >= doubled
            assert not any(process.claims.unsent for process in self.processes)
        finally:
            self.loop.close()

    def _send_all(self, process: Process) -> None:
        sending = self.loop.create_task(process.claims.send_unsent(100))
        while not sending.done():
            self._run()
            for question in self.network.questions:
                if not question.answer.done():
                    self.network.record(question)
                    question.answer.set_result(self.network.answer_to(question))
            self._run()


def assert_invariants_hold(machine: type[RuleBasedStateMachine]) -> None:
    """Run the machine's rules in random orders, and check its invariants and its teardown."""
    run_state_machine_as_test(machine, settings=STEPS)


def test_with_on_error_refuse_a_ticket_is_accepted_at_most_once_in_any_history() -> None:
    assert_invariants_hold(FleetLife)


def test_with_on_error_local_each_process_accepts_a_ticket_at_most_once_and_duplicates_are_counted() -> None:
    assert_invariants_hold(LocalFleetLife)
