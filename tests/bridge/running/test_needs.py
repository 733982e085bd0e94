"""The rights that the bridge needs in Kafka."""

from bridge.running.letters import LetterTopics
from bridge.running.needs import on_group, on_topics

LETTERS = LetterTopics("letters", "letters.replay")


def test_the_bridge_needs_to_read_events_and_replays_and_to_write_dead_letters() -> None:
    existing = ["letters.replay", "letters", "calendar.b", "calendar.a", "diary", "of.others"]

    needed = on_topics(["diary", "^calendar", "absent"], LETTERS, existing)

    assert list(map(str, needed)) == [
        "READ on the topic calendar.a",
        "READ on the topic calendar.b",
        "READ on the topic diary",
        "READ on the topic letters.replay (BRIDGE_REPLAY_TOPIC)",
        "WRITE on the topic letters (BRIDGE_DEAD_LETTER_TOPIC)",
    ]


def test_no_right_is_needed_on_topics_that_are_missing_or_not_set() -> None:
    assert on_topics(["absent"], LETTERS, ["diary"]) == []
    assert on_topics(["absent"], LetterTopics("", ""), ["diary"]) == []


def test_the_bridge_needs_to_read_its_consumer_group() -> None:
    assert str(on_group("bridges")) == "READ on the group bridges (BRIDGE_KAFKA_GROUP)"
