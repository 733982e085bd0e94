"""Selected dead letters are read again one by one, in the order of the selection."""

from collections.abc import Iterator, Sequence

from bridge.commands import Record
from bridge.dead_letters.rereading import Place, reread, spans


def records(partition: int, offsets: Sequence[int], read: list[int] | None = None) -> Iterator[Record]:
    """The records of a partition at these offsets. Appends an offset to `read` when its record is read."""
    for offset in offsets:
        if read is not None:
            read.append(offset)
        yield Record("dead-letters", partition, offset, 0, None, b"{}")


def places_of(found: Iterator[tuple[int, Record]]) -> list[tuple[int, Place]]:
    return [(index, Place(record.partition, record.offset)) for index, record in found]


def test_selected_dead_letters_of_several_partitions_come_in_the_order_of_the_selection() -> None:
    places = [Place(1, 3), Place(0, 2), Place(1, 4), Place(0, 9), Place(1, 5)]

    found = reread(places, {0: records(0, range(2, 10)), 1: records(1, [3, 4, 5])})

    assert places_of(found) == list(enumerate(places))


def test_a_selected_dead_letter_that_kafka_no_longer_has_is_left_out() -> None:
    places = [Place(0, 1), Place(0, 2), Place(1, 1), Place(0, 5), Place(0, 6)]

    found = reread(places, {0: records(0, [2, 5]), 1: records(1, [])})

    assert places_of(found) == [(1, Place(0, 2)), (3, Place(0, 5))]


def test_a_dead_letter_is_read_only_when_the_caller_asks_for_it() -> None:
    read: list[int] = []
    found = reread([Place(0, offset) for offset in range(9)], {0: records(0, range(9), read)})

    next(found)

    assert read == [0]


def test_a_partition_is_read_from_its_first_selected_offset_to_its_last_one() -> None:
    assert spans([Place(1, 3), Place(0, 2), Place(1, 4), Place(1, 9)]) == {1: (3, 9), 0: (2, 2)}
