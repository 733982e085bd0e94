"""One message for each key and quiet time, with the number of messages that it represents."""

from common.repetition import Repetition


def test_the_first_message_passes_and_counts_as_one() -> None:
    assert Repetition(quiet_s=10).due("a", 0) == 1


def test_messages_within_the_quiet_time_are_suppressed_and_counted_by_the_next_message() -> None:
    repetition = Repetition(quiet_s=10)

    counts = [repetition.due("a", now) for now in (0, 1, 9.9, 10, 15, 20, 100)]

    assert counts == [1, 0, 0, 3, 0, 2, 1]


def test_each_key_has_its_own_quiet_time() -> None:
    repetition = Repetition(quiet_s=10)

    assert [repetition.due(key, 0) for key in ("a", "b", "a", "c")] == [1, 1, 0, 1]
