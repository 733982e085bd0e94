"""The background probe, with an identity in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from centrifugo_proxy.peers.identity import (
    IdentityAnswer,
    IdentityDenied,
    IdentityFault,
    IdentityInterrupted,
    IdentityUnavailable,
    ValidateQuery,
)
from centrifugo_proxy.peers.probe import MOST_AT_ONCE, IdentityProbe, Probed
from fallback.outage import OutageDetector
from tests.harness.waiting import until

INTERVAL_S = 0.02
DENIED = IdentityDenied("NOT_FOUND")


@dataclass
class Identity:
    """An identity service that answers call number n with `script(n)`. `tickets` has the ticket of each call."""

    script: Callable[[int], IdentityAnswer]
    latency_s: float = INTERVAL_S / 4
    tickets: list[str] = field(default_factory=list)

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        self.tickets.append(query.ticket)
        await asyncio.sleep(self.latency_s)
        return self.script(len(self.tickets))


def down(call: int) -> IdentityAnswer:
    raise IdentityUnavailable("UNAVAILABLE")


@dataclass
class Probing:
    """A running probe, and its reports."""

    probe: IdentityProbe
    identity: Identity
    reported: list[Probed]

    def fail_a_client(self) -> None:
        self.probe.detector.failed(self.probe.detector.call_started(), self.probe.monotonic())
        self.probe.wake()


@asynccontextmanager
async def probing(
    script: Callable[[int], IdentityAnswer],
    window_s: float = 1000,
    latency_s: float = INTERVAL_S / 4,
    on_report: Callable[["Probing"], None] = lambda running: None,
) -> AsyncIterator[Probing]:
    identity, reported = Identity(script, latency_s), list[Probed]()
    detector = OutageDetector(window_s, probing=True)
    monotonic = asyncio.get_running_loop().time

    def report(probed: Probed) -> None:
        reported.append(probed)
        on_report(running)

    running = Probing(IdentityProbe(identity, detector, monotonic, INTERVAL_S, report), identity, reported)
    task = asyncio.create_task(running.probe.run())
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_without_a_failure_there_are_no_probes() -> None:
    async with probing(down) as running:
        await asyncio.sleep(5 * INTERVAL_S)

    assert running.identity.tickets == []


async def test_a_failure_starts_probes_with_random_tickets() -> None:
    async with probing(down) as running:
        running.fail_a_client()
        await until(lambda: len(running.reported) >= 4)

    assert {report.outcome for report in running.reported} == {"failed"}
    assert len(set(running.identity.tickets)) == len(running.identity.tickets)


async def test_an_answer_to_a_client_stops_the_probes_and_the_next_failure_starts_them_again() -> None:
    async with probing(down) as running:
        running.fail_a_client()
        await until(lambda: len(running.reported) >= 1)
        running.probe.detector.answered(running.probe.detector.call_started(), 0)
        await asyncio.sleep(5 * INTERVAL_S)
        earlier = len(running.identity.tickets)
        await asyncio.sleep(5 * INTERVAL_S)
        later = len(running.identity.tickets)
        running.fail_a_client()
        await until(lambda: len(running.identity.tickets) > later)

    assert earlier == later


async def test_hanging_probes_delay_the_next_probe_only_if_their_number_reaches_the_limit() -> None:
    async with probing(down, latency_s=1000) as running:
        running.fail_a_client()
        await until(lambda: len(running.identity.tickets) == MOST_AT_ONCE)
        await asyncio.sleep(5 * INTERVAL_S)

        assert (len(running.identity.tickets), running.reported) == (MOST_AT_ONCE, [])


async def test_the_return_of_identity_is_detected_while_an_earlier_probe_hangs() -> None:
    async with probing(lambda call: DENIED, latency_s=1000) as running:
        running.fail_a_client()
        await until(lambda: running.identity.tickets)
        running.identity.latency_s = 0
        await until(lambda: running.reported)

        assert running.probe.detector.status(0).recovering


async def test_answered_probes_end_the_streak_of_failures_and_stop_the_probing() -> None:
    async with probing(lambda call: DENIED, window_s=5 * INTERVAL_S) as running:
        running.fail_a_client()
        await until(lambda: not running.probe.detector.failing)
        ended = len(running.identity.tickets)
        await asyncio.sleep(5 * INTERVAL_S)

    assert len(running.identity.tickets) == ended
    assert {report.outcome for report in running.reported} == {"answered"}


async def test_a_probe_that_ends_with_a_fault_or_is_interrupted_changes_nothing() -> None:
    def no_evidence(call: int) -> IdentityAnswer:
        raise IdentityFault("odd") if call % 2 else IdentityInterrupted("CANCELLED")

    async with probing(no_evidence) as running:
        running.fail_a_client()
        await until(lambda: len(running.reported) >= 4)

        status = running.probe.detector.status(0)
    assert {report.outcome for report in running.reported} == {"other"}
    assert (status.consecutive_failure_count, status.recovering) == (1, False)


async def test_an_unexpected_exception_does_not_stop_the_probing() -> None:
    bugs = [ValueError("invented")]

    def bug_first(call: int) -> IdentityAnswer:
        if bugs:
            raise bugs.pop()
        return DENIED

    async with probing(bug_first) as running:
        running.fail_a_client()
        await until(lambda: len(running.reported) >= 2)

        assert running.probe.detector.status(0).recovering
    assert [(each.outcome, repr(each.fault)) for each in running.reported[:2]] == [
        ("other", "ValueError('invented')"),
        ("answered", "None"),
    ]


async def test_an_interval_has_two_probes_if_a_client_failed_after_the_last_answered_probe() -> None:
    probes_after_report: list[int] = []

    def count_probes_and_fail_a_client(running: Probing) -> None:
        asyncio.get_running_loop().call_soon(lambda: probes_after_report.append(len(running.identity.tickets)))
        if len(running.reported) == 1:
            running.fail_a_client()

    async with probing(lambda call: DENIED, on_report=count_probes_and_fail_a_client) as running:
        running.fail_a_client()
        await until(lambda: len(probes_after_report) >= 2)

    assert probes_after_report[:2] == [1, 3]
