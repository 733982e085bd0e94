"""Unusual records become dead letters in a real Kafka."""

from pathlib import Path

import pytest

from tests.bridge.e2e.stage import listening, staged
from tests.bridge.e2e.test_dead_letters import manage
from tests.harness.kafka import Kafka
from tests.harness.raw_header import produce_with_header

pytestmark = pytest.mark.processes

GOOD = b'{"family":"f-1","n":1}'
LARGE = {"max_message_bytes": "8000000"}
ROUTES = """
version = 1

[[routes]]
name = "large"
topics = ["{large}"]
[[routes.actions]]
do = "publish"
channel = "family:{{family}}"
fields = ["n"]
"""


async def test_the_dead_letter_and_its_replay_keep_null_and_repeated_headers(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    headers: list[tuple[str, str | bytes | None]] = [("trace", None), ("trace", b""), ("trace", b"x"), ("last", None)]
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        dead_letters = stage.variables["BRIDGE_DEAD_LETTER_TOPIC"]
        with kafka.producer() as producer:
            producer.produce(stage.topic, b"no json", headers=headers)
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: health.get("dead_letters") == 1)
        [letter] = kafka.messages(dead_letters)
        assert manage(stage, "replay_dead_letters", "--all").returncode == 0
        [replayed] = kafka.messages(f"{dead_letters}.replay")

    for message in (letter, replayed):
        assert [pair for pair in message.headers() or () if not pair[0].startswith(("bridge.", "__"))] == headers


async def test_a_dead_letter_keeps_as_much_of_its_record_as_the_dead_letter_topic_accepts(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    large = kafka.create_topic("large", partitions=1, **LARGE)
    dead_letters = kafka.create_topic("letters", partitions=1, max_message_bytes="2000000")
    routes = ROUTES.replace("{large}", large)
    with staged(
        kafka, centrifugo_v6, tmp_path, routes=routes, BRIDGE_DEAD_LETTER_TOPIC=dead_letters, BRIDGE_REPLAY_TOPIC=""
    ) as stage:
        with kafka.producer(message_max_bytes="8000000") as producer:
            producer.produce(large, b"-" * 1_500_000, b"fits")
            producer.produce(large, b"-" * 3_000_000, b"value", headers=[("own", b"x")])
            producer.produce(large, b"-", b"headers", headers=[("own", b"-" * 3_000_000)])
            producer.produce(large, GOOD)
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge():
                await client.until(lambda: client.count == 1)
                await client.until(lambda: kafka.committed(stage.group, large) == [4])
        letters = {message.offset(): message for message in kafka.messages(dead_letters)}

    of_position = {dict(letter.headers() or ())["bridge.offset"]: letter for letter in letters.values()}
    whole, without_value, only_ours = (of_position[offset] for offset in (b"0", b"1", b"2"))
    assert (whole.key(), len(whole.value() or b"")) == (b"fits", 1_500_000)
    assert (without_value.key(), without_value.value()) == (b"value", None)
    assert dict(without_value.headers() or ())["own"] == b"x"
    assert (only_ours.key(), only_ours.value()) == (None, None)
    assert {"bridge.value", "bridge.key", "bridge.headers"} <= dict(only_ours.headers() or ()).keys()
    assert "own" not in dict(only_ours.headers() or ())


async def test_many_dead_letters_keep_their_values_although_one_batch_of_them_would_exceed_the_topics_limit(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    dead_letters = kafka.create_topic("letters", partitions=1, max_message_bytes="50000")
    values = [b"%d no json " % number + b"-" * 9_000 for number in range(60)]
    with staged(kafka, centrifugo_v6, tmp_path, BRIDGE_DEAD_LETTER_TOPIC=dead_letters, BRIDGE_REPLAY_TOPIC="") as stage:
        kafka.produce(stage.topic, values)
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: health.get("dead_letters") == len(values))
        letters = kafka.messages(dead_letters)

    assert sorted(letter.value() or b"" for letter in letters) == sorted(values)


async def test_a_record_with_a_header_name_that_is_not_text_is_dead_lettered_and_cannot_be_replayed(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        produce_with_header(kafka.address, stage.topic, GOOD, b"\xff\xfe")
        kafka.produce(stage.topic, [GOOD])
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge() as bridge:
                await client.until(lambda: client.count == 1)
                bridge.wait_until(lambda health: health["dead_letters"] == 1)
        [letter] = kafka.messages(stage.variables["BRIDGE_DEAD_LETTER_TOPIC"])
        replay = manage(stage, "replay_dead_letters", "--all")

    headers = dict(letter.headers() or ())
    assert (letter.value(), headers["bridge.reason"], headers["bridge.offset"]) == (GOOD, b"unsupported", b"0")
    assert headers["bridge.headers"] == b"unreadable"
    assert (replay.returncode, "1 not written: their headers could not be read" in replay.stdout) == (1, True)
    assert headers["bridge.detail"] == b"the name of a header is not text in UTF-8, so no header can be read"
