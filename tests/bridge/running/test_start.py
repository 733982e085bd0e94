"""The checks of the topics before the bridge reads them."""

import pytest

from bridge.running.letters import LetterTopics
from bridge.running.start import StartError, Topics, check_topics

LETTERS = LetterTopics("letters", "letters.replay")
EXISTING = {"diary": 3, "letters": 1, "letters.replay": 1}


def test_the_bridge_subscribes_to_the_routed_topics_and_the_replay_topic() -> None:
    assert check_topics(["diary", "^cal.*", "absent"], LETTERS, EXISTING, "k:9092") == Topics(
        ["diary", "^cal.*", "absent", "letters.replay"], ["absent"], False
    )


@pytest.mark.parametrize(
    ("routed", "name"),
    [("letters", "letters"), ("letters.replay", "letters.replay"), ("^l", "letters"), ("^.*replay$", "letters.replay")],
)
def test_a_route_that_reads_the_dead_letters_is_refused(routed: str, name: str) -> None:
    """Otherwise each dead letter would be mapped and fail again, forever."""
    with pytest.raises(StartError) as error:
        check_topics(["diary", routed], LETTERS, EXISTING, "k:9092")

    assert str(error.value) == (
        f"The routes file reads {name}: dead letters would be read as events. "
        f"In the routes file, remove or narrow {routed}."
    )


def test_without_a_dead_letter_topic_a_pattern_may_match_any_topic() -> None:
    assert check_topics(["^.*"], LetterTopics("", ""), EXISTING, "k:9092").subscribed == ["^.*"]
