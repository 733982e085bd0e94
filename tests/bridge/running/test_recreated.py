"""Which partitions count as stuck after their topic was deleted and created again."""

import pytest

from bridge.delivery.work import Partition
from bridge.running.recreated import Recreated

DIARY = Partition("diary", 0)
OLD, NEW, NONE = {"diary": "old"}, {"diary": "new"}, dict[str, str]()
Measured = tuple[dict[str, str], int | None, int]  # the ids of topics, our position, and the end


@pytest.mark.parametrize(
    ("measured", "stuck"),
    [
        pytest.param([(OLD, 52, 52), (NEW, 52, 3), (NEW, 52, 4)], [2], id="the new topic is shorter"),
        pytest.param([(OLD, 52, 52), (NEW, 52, 99), (NEW, 52, 99)], [2], id="the new topic is longer"),
        pytest.param([(OLD, 52, 52), (NONE, 52, 52), (NEW, 52, 3), (NEW, 52, 3)], [3], id="gone in between"),
        pytest.param([(OLD, 52, 52), (NEW, 52, 52), (NEW, 52, 60), (NEW, 52, 70)], [3], id="as long as the old one"),
        pytest.param([(OLD, 52, 52), (NEW, 52, 3), (NEW, 3, 3), (NEW, 3, 9), (NEW, 3, 9)], [], id="read again"),
        pytest.param([(OLD, 0, 0), (NEW, 0, 0), (NEW, 0, 1), (NEW, 1, 1)], [], id="a record has just arrived"),
        pytest.param([(OLD, 52, 60), (OLD, 52, 70), (OLD, 52, 80)], [], id="the same topic, held up"),
        pytest.param([(NONE, 52, 60), (OLD, 52, 70), (OLD, 52, 80)], [], id="its id was not known before"),
    ],
)
def test_a_partition_is_stuck_if_it_does_not_move_after_its_topic_got_another_id(
    measured: list[Measured], stuck: list[int]
) -> None:
    recreated = Recreated()

    found = [recreated.stuck(ids, {DIARY: position}, {DIARY: end}) for ids, position, end in measured]

    assert [number for number, partitions in enumerate(found) if partitions] == stuck
    assert set().union(*found) <= {DIARY}


def test_a_partition_that_was_given_up_and_assigned_again_is_not_stuck() -> None:
    recreated = Recreated()

    found = [
        recreated.stuck(ids, positions, {DIARY: 3})
        for ids, positions in (
            (OLD, {DIARY: 52}),
            (NONE, {}),
            (NEW, {DIARY: 52}),
            (NEW, {DIARY: 52}),
            (NEW, {DIARY: 52}),
        )
    ]

    assert found == [frozenset()] * 5
