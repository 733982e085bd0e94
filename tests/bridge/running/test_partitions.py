"""Partitions that are assigned, revoked, and held back.

The gate stops the reading from Kafka while the bridge has too many pending records or bytes.
"""

import asyncio
import gc

import pytest
from aiohttp import web

from bridge.commands import Mapped
from bridge.delivery.lanes import Task
from bridge.delivery.work import Partition
from bridge.kafka.errors import NotDelivered
from bridge.kafka.gate import Gate
from bridge.kafka.reading import EndOfPartition
from tests.bridge.made import POISON, publication, record
from tests.bridge.running.rig import IMPATIENT_S, PARTITION, error_for, mapped, running_rig, silence, status, success
from tests.harness.waiting import until

OTHER = Partition("diary", 1)


async def test_commands_in_flight_finish_before_a_partition_is_revoked() -> None:
    answer = asyncio.Event()

    async def later(request: web.Request) -> web.StreamResponse:
        await answer.wait()
        return await success(request)

    async with running_rig(requests=1, batch_max=1) as rig:
        rig.centrifugo.script = [later]
        rig.receive_publications("a", "b")
        await until(lambda: len(rig.centrifugo.batches) == 1)
        revoking = asyncio.create_task(rig.bridge.revoked([PARTITION], lost=False))
        await asyncio.sleep(0.05)
        waiting = not revoking.done()
        answer.set()
        offsets = await revoking
        rig.sender.pump()

    assert waiting
    assert offsets == {PARTITION: 1}
    assert rig.centrifugo.channels == [["a"]]


async def test_the_rest_of_a_refused_batch_is_not_sent_after_its_partition_is_revoked() -> None:
    answer = asyncio.Event()

    async def later(request: web.Request) -> web.StreamResponse:
        await answer.wait()
        return await success(request)

    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [success, status(400), later]
        rig.receive_publications("first")
        rig.receive_publications("a", "b", "c")
        await until(lambda: len(rig.centrifugo.batches) == 3)
        revoking = asyncio.create_task(rig.bridge.revoked([PARTITION], lost=False))
        await asyncio.sleep(0)
        answer.set()
        offsets = await revoking

    assert offsets == {PARTITION: 2}
    assert rig.centrifugo.channels == [["first"], ["a", "b", "c"], ["a"]]


async def test_in_an_outage_a_partition_is_released_as_soon_as_its_requests_have_failed() -> None:
    async with running_rig(requests=1, timeout_s=IMPATIENT_S) as rig:
        rig.centrifugo.script = [silence] * 50
        rig.receive_publications("a")
        await until(lambda: len(rig.centrifugo.batches) == 1)
        async with asyncio.timeout(0.9):
            offsets = await rig.bridge.revoked([PARTITION], lost=False)

    assert offsets == {}


async def test_a_dead_letter_in_flight_is_delivered_before_its_partition_is_revoked() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("_MSG_TIMED_OUT")] * 3
        rig.receive(mapped(publication("a")), Mapped((), (POISON,)))
        offsets = await rig.bridge.revoked([PARTITION], lost=False)

    assert offsets == {PARTITION: 2}
    assert rig.letters == [("not_json", "1")]


async def test_a_dead_letter_at_the_end_of_a_partition_is_committed_after_an_outage() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [status(503)] * 10_000
        rig.receive(mapped(publication("a")), Mapped((), (POISON,)))
        rig.hand_over(EndOfPartition(PARTITION, 5))
        await until(lambda: rig.bridge.dead_letters == 1)
        in_the_outage = rig.committable
        rig.centrifugo.script.clear()
        await rig.until_done(5)

    assert in_the_outage is None
    assert rig.letters == [("not_json", "1")]


@pytest.mark.parametrize("max_attempts", [0, 1000])
async def test_a_command_that_waits_for_its_retry_is_freed_when_its_partition_is_revoked(max_attempts: int) -> None:
    gc.collect()
    before = _tasks()
    async with running_rig(max_attempts=max_attempts) as rig:
        rig.centrifugo.script = [error_for("a", 100)] * 10_000
        rig.receive_publications("a")
        await until(lambda: rig.value("retries_total", cause="error_100") > 2)
        during = _tasks()
        await rig.bridge.revoked([PARTITION], lost=False)
        await until(lambda: _tasks() == before)

    assert during == before + 1


def _tasks() -> int:
    gc.collect()
    return sum(type(each) is Task for each in gc.get_objects())


async def test_a_stopped_partition_is_released_at_once() -> None:
    async with running_rig(most_dead_letters=None) as rig:
        rig.receive(Mapped((), (POISON,)))
        async with asyncio.timeout(0.9):
            offsets = await rig.bridge.revoked([PARTITION], lost=False)

    assert offsets == {}


async def test_the_record_that_stops_a_partition_does_not_count_towards_the_limits_of_pending_records() -> None:
    """Otherwise large records of this kind would keep the bridge from reading other partitions until a restart."""
    async with running_rig(most_dead_letters=None) as rig:
        answer = asyncio.Event()

        async def refused(request: web.Request) -> web.StreamResponse:
            await answer.wait()
            return await error_for("a", 107)(request)

        rig.centrifugo.script = [refused]
        rig.receive(mapped(publication("a")), Mapped((), (POISON,)))
        before = rig.gate.pending, rig.gate.pending_bytes, rig.bridge.stopped()[0].offset
        answer.set()
        await until(lambda: rig.bridge.stopped()[0].offset == 0)
        await until(lambda: rig.gate.pending == 0)

    first = rig.bridge.work.assignments[PARTITION].ledger.pending_bytes
    assert before == (1, first, 1)
    assert rig.gate.pending_bytes == 0
    assert rig.bridge.work.pending == 1


async def test_a_partition_that_is_assigned_again_delivers_its_records_again() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [status(503)] * 3
        rig.receive_publications("a", "a")
        await rig.bridge.revoked([PARTITION], lost=True)
        rig.bridge.assigned([PARTITION])
        rig.hand_over(record(0), record(1))
        await rig.until_done(2)

    assert rig.value("rebalances_total", event="lost") == 1
    assert rig.value("rebalances_total", event="assigned") == 2


async def test_a_record_of_an_unassigned_partition_is_dropped() -> None:
    async with running_rig() as rig:
        rig.mapper.outcomes = {}
        rig.hand_over(record(0, partition=1))

    assert rig.bridge.work.pending == 0
    assert rig.writer.written == []


async def test_only_the_partition_that_has_a_full_window_of_open_records_is_held_back() -> None:
    async with running_rig(requests=1) as rig:
        rig.bridge.assigned([OTHER])
        rig.centrifugo.script = [status(503)] * 5
        rig.receive_publications(*(f"channel-{number}" for number in range(100)))
        held = rig.gate.held
        await rig.until_done(100)

    assert held == {PARTITION}
    assert rig.gate.held == frozenset()


async def test_an_offset_is_offered_for_commit_until_the_broker_has_confirmed_it() -> None:
    async with running_rig() as rig:
        rig.receive_publications("a")
        await rig.until_done(1)
        rig.hand_over(EndOfPartition(PARTITION, 7))
        rig.bridge.offer_commits()
        first = rig.gate.commits
        rig.bridge.committed({}, failed=1)
        rig.bridge.offer_commits()
        again = rig.gate.commits
        rig.bridge.committed({PARTITION: 7}, failed=0)
        rig.bridge.offer_commits()

    assert first == again == {PARTITION: 7}
    assert rig.gate.commits == {}
    assert rig.value("commits_total", outcome="failed") == 1
    assert rig.value("commits_total", outcome="ok") == 1


def test_the_gate_counts_records_in_transit_between_the_threads() -> None:
    gate = Gate(most_pending=10, most_bytes=100)

    gate.handed, gate.handed_bytes = 10, 10
    between = (gate.full, gate.room)
    gate.taken, gate.taken_bytes = 10, 10
    gate.update(pending=6, pending_bytes=10)

    assert between == (True, 0)
    assert (gate.full, gate.room, gate.has_ample_room) == (False, 4, False)


def test_the_gate_counts_the_bytes_of_records_in_transit() -> None:
    gate = Gate(most_pending=10, most_bytes=100)

    gate.handed, gate.handed_bytes = 1, 100
    full = gate.full
    gate.taken, gate.taken_bytes = 1, 40

    assert full
    assert (gate.full, gate.has_ample_room) == (False, False)


async def test_received_records_are_no_longer_in_transit() -> None:
    async with running_rig() as rig:
        rig.receive_publications("a", "b")

        assert (rig.gate.taken, rig.gate.taken_bytes) == (2, 2 * len('key{"secret":1}'))


def test_the_gate_is_also_full_at_its_limit_of_bytes_and_opens_at_half_of_it() -> None:
    gate = Gate(most_pending=10, most_bytes=100)

    gate.update(pending=1, pending_bytes=100)
    full = (gate.full, gate.wait_for_room(0.01))
    gate.update(pending=1, pending_bytes=50)

    assert full == (True, False)
    assert (gate.full, gate.has_ample_room, gate.wait_for_room(0.01)) == (False, True, True)
