"""Single steps of `Work`. test_machines.py combines such steps at random."""

import pytest

from bridge.commands import Record, disconnect
from bridge.delivery.work import NO_DEAD_LETTER_TOPIC, TOO_MANY_DEAD_LETTERS, Partition, Stop, Work, size_of
from tests.bridge.made import POISON, publication, record

PARTITION = Partition("diary", 0)


def assigned(most_dead_letters: int | None = 0) -> Work:
    work = Work(most_dead_letters)
    work.assign(PARTITION)
    return work


def uncommitted(work: Work) -> int | None:
    return work.assignments[PARTITION].ledger.uncommitted


def test_offsets_with_gaps_are_committed_in_order_of_receipt() -> None:
    work = assigned()
    for offset in (3, 7, 20):
        work.receive(PARTITION, record(offset), [publication(f"channel-{offset}")])
    first, second, _ = work.take(10, 1000).tasks

    work.finished(second)
    before = uncommitted(work)
    work.finished(first)

    assert (before, uncommitted(work)) == (None, 8)


def test_the_size_of_a_pending_record_includes_its_headers_and_its_commands() -> None:
    one = Record("diary", 0, 0, 0, b"key", b"-" * 50, (("name", b"-" * 1000), ("null", None)))
    commands = [disconnect(route="diary", action=1, user=f"user-{n}", code=4100, reason="") for n in range(100)]
    sizes = []
    for made in ([], commands):
        work = assigned()
        work.receive(PARTITION, one, made, [POISON])
        sizes.append(work.pending_bytes)

    assert sizes[0] == len("key") + 50 + len("name") + 1000 + len("null")
    assert sizes[1] - sizes[0] > 100 * 1000


def test_a_topic_that_ends_with_transaction_markers_is_committed_to_its_end() -> None:
    work = assigned()
    work.receive(PARTITION, record(103), [publication("a")])
    work.reach_end(PARTITION, 107)
    [task] = work.take(10, 1000).tasks

    before = uncommitted(work)
    work.finished(task)

    assert (before, uncommitted(work)) == (None, 107)


def test_no_offset_is_committed_for_a_topic_without_records() -> None:
    work = assigned()

    work.reach_end(PARTITION, 0)

    assert uncommitted(work) is None


def test_an_offset_counts_as_uncommitted_until_its_commit_is_confirmed() -> None:
    work = assigned()
    work.receive(PARTITION, record(4))

    first = uncommitted(work)
    again = uncommitted(work)
    work.assignments[PARTITION].ledger.confirm(5)

    assert (first, again, uncommitted(work)) == (5, 5, None)


def test_a_request_has_no_more_publications_of_a_channel_than_the_burst_allows() -> None:
    work = assigned()
    for offset in range(5):
        work.receive(PARTITION, record(offset), [publication("words", burst=3)])
    work.receive(PARTITION, record(5), [publication("feed")])

    batch = work.take(10, 10_000)

    assert [task.owner.offset for task in batch.tasks] == [0, 1, 2, 5]
    assert batch.ordered


@pytest.mark.parametrize(
    ("bursts", "requests"),
    [
        ((10, 2, 2, 2), [[0, 1], [2, 3]]),
        ((10, 10, 10, 2, 2), [[0, 1, 2], [3, 4]]),
        ((2, 10, 10, 10), [[0, 1], [2, 3]]),
        ((3, 1, 3), [[0], [1], [2]]),
        ((4, 3, 2, 4, 4), [[0, 1], [2, 3], [4]]),
    ],
)
def test_the_smallest_burst_among_the_commands_of_a_request_limits_the_request(
    bursts: tuple[int, ...], requests: list[list[int]]
) -> None:
    work = assigned()
    for offset, burst in enumerate(bursts):
        work.receive(PARTITION, record(offset), [publication("words", burst=burst)])

    sent = []
    while tasks := work.take(10, 10_000).tasks:
        sent.append([task.owner.offset for task in tasks])
        for task in tasks:
            work.finished(task)

    assert sent == requests


def test_after_an_error_a_command_of_a_burst_waits_for_its_retry_time_and_for_the_commands_before_it() -> None:
    work = assigned()
    for offset in range(3):
        work.receive(PARTITION, record(offset), [publication("words", burst=3)])
    first, second, third = work.take(10, 10_000).tasks
    work.retry(first, until=1.0)
    work.retry(second, until=5.0)
    work.retry(third, until=2.0)

    sent = []
    for now in (1.0, 2.0, 4.9, 5.0):
        next_at = work.lanes.wake(now)
        tasks = work.take(10, 10_000).tasks
        sent.append(([task.owner.offset for task in tasks], next_at))
        for task in tasks:
            work.finished(task)

    assert sent == [([0], 2.0), ([], 5.0), ([], 5.0), ([1, 2], None)]
    assert (len(work.lanes), uncommitted(work)) == (0, 3)


def test_a_command_in_flight_is_not_taken_again_when_another_one_of_its_burst_is_retried() -> None:
    work = assigned()
    for offset in range(3):
        work.receive(PARTITION, record(offset), [publication("words", burst=3)])
    first, *_ = work.take(10, 10_000).tasks

    work.retry(first, until=0.0)
    work.lanes.wake(0.0)

    assert work.take(10, 10_000).tasks == [first]


def test_a_command_of_a_burst_does_not_overtake_an_earlier_command_of_its_record() -> None:
    work = assigned()
    work.receive(PARTITION, record(0), [publication("feed")])
    work.receive(PARTITION, record(1), [publication("words", burst=3)])
    work.receive(PARTITION, record(2), [publication("feed"), publication("words", burst=3)])

    batch = work.take(10, 10_000)

    assert [task.owner.offset for task in batch.tasks] == [0, 1]


def test_a_command_of_a_revoked_partition_is_not_retried() -> None:
    work = assigned()
    work.receive(PARTITION, record(0), [publication("a"), publication("b")])
    [task] = work.take(10, 1000).tasks

    work.let_go(PARTITION)
    work.retry(task, until=0.0)
    work.lanes.wake(1.0)

    assert not work.take(10, 1000).tasks
    assert not work.in_flight(PARTITION)
    assert len(work.lanes) == 0


def test_a_partition_that_is_assigned_again_starts_without_records() -> None:
    work = assigned()
    work.receive(PARTITION, record(0), [publication("a")])

    work.assign(PARTITION)

    assert not work.take(10, 1000).tasks
    assert (work.pending, len(work.lanes)) == (0, 0)


def test_a_request_is_bounded_in_bytes_but_has_at_least_one_command() -> None:
    work = assigned()
    for offset in range(3):
        work.receive(PARTITION, record(offset), [publication(f"channel-{offset}", data=b'"' + b"x" * 500 + b'"')])

    sizes = [len(work.take(10, most_bytes).tasks) for most_bytes in (1, 1500)]

    assert sizes == [1, 2]


def test_without_a_dead_letter_topic_the_first_dead_letter_stops_the_partition() -> None:
    work = assigned(None)
    item = work.receive(PARTITION, record(4), failures=[POISON])

    assert item is not None
    assert not work.dead_letter_due(item)
    assert work.assignments[PARTITION].stopped == Stop(4, NO_DEAD_LETTER_TOPIC, item.size)
    assert work.receive(PARTITION, record(5)) is None


def test_a_delivered_record_resets_the_count_of_consecutive_dead_letters() -> None:
    work = assigned(1)
    due = []
    for offset in range(4):
        item = work.receive(
            PARTITION, record(offset), [] if offset != 1 else [publication("a")], [POISON][: offset != 1]
        )
        assert item is not None
        due.append(work.dead_letter_due(item))
        for task in work.take(10, 1000).tasks:
            work.finished(task)

    assert due == [True, False, True, False]
    assert work.assignments[PARTITION].stopped == Stop(3, TOO_MANY_DEAD_LETTERS, size_of(record()))


def test_records_after_the_one_that_stops_a_partition_are_neither_sent_nor_counted_as_pending() -> None:
    work = assigned(None)
    poison = work.receive(PARTITION, record(0), [publication("b")], [POISON])
    work.receive(PARTITION, record(1), [publication("a")])
    work.receive(PARTITION, record(2), [publication("a")])
    in_flight = work.take(2, 1000).tasks

    for task in in_flight:
        if work.finished(task):
            work.dead_letter_due(task.owner)

    assert poison is not None
    assert work.take(10, 1000).tasks == []
    assert work.pending == 1
