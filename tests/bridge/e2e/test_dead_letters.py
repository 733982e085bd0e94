"""A failed record becomes a dead letter, and its replay reaches the channel."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from bridge.running.start import ABSENT
from tests.bridge.e2e.stage import ROUTES, Stage, listening, staged
from tests.harness.kafka import Kafka
from tests.harness.manage import run_manage
from tests.harness.paths import ROOT
from tests.harness.processes import environment
from tests.harness.terminal import on_terminal, plain

pytestmark = pytest.mark.processes

VALUE = b'{"family":"f-1","number":7,"note":"\x7f"}'
TEXTS = ("bridge.reason", "bridge.detail", "bridge.route", "bridge.action", "bridge.partition", "bridge.offset")


def variables_of(stage: Stage) -> dict[str, str]:
    return {
        **stage.variables,
        "BRIDGE_KAFKA_BROKERS": stage.kafka.address,
        "BRIDGE_ROUTES_PATH": str(stage.routes),
        "CENTRIFUGO_API_URL": f"{stage.centrifugo.url}/api",
    }


def manage(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_manage(*arguments, **variables_of(stage))


def inspected(stage: Stage, *options: str) -> list[dict[str, Any]]:
    """What inspect_dead_letters prints."""
    return [json.loads(line) for line in manage(stage, "inspect_dead_letters", "--json", *options).stdout.splitlines()]


async def test_a_dead_letter_names_its_reason_and_its_replay_reaches_the_channel(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        dead_letters = stage.variables["BRIDGE_DEAD_LETTER_TOPIC"]
        with kafka.producer() as producer:
            producer.produce(stage.topic, VALUE, b"the-key", headers=[("trace", b"abc"), ("bridge.reason", b"old")])
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: health.get("dead_letters") == 1)
            bridge.process.terminate()
        [letter] = kafka.messages(dead_letters)

        headers = dict(letter.headers() or ())
        assert (letter.key(), letter.value(), headers["trace"]) == (b"the-key", VALUE, b"abc")
        assert [headers[name] for name in TEXTS] == [b"no_such_field", b"n is absent", b"entries", b"1", b"0", b"0"]
        assert headers["__connect.errors.stage"] == b"TRANSFORMATION"
        [found] = inspected(stage, "--show-values")
        assert (found["reason"], found["topic"], found["offset"]) == ("no_such_field", stage.topic, 0)
        assert found["value"] == VALUE.decode()
        assert manage(stage, "inspect_dead_letters", "--reason", "rejected").returncode == 0

        stage.routes.write_text(ROUTES.replace('"n"', '"number"').format(topic=stage.topic))
        replayed = manage(stage, "replay_dead_letters", "--reason", "no_such_field")
        assert (replayed.returncode, replayed.stderr) == (0, "")
        assert "1 dead letter written" in replayed.stdout
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge():
                await client.until(lambda: client.count == 1)
        assert client.received == {"family:f-1": [{"number": 7}]}
        assert len(kafka.messages(stage.topic)) == 1


async def test_a_dead_letter_too_large_for_the_replay_topic_is_not_replayed_but_the_others_are(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    replays = kafka.create_topic("replays", partitions=1, max_message_bytes="5000")
    with staged(kafka, centrifugo_v6, tmp_path, BRIDGE_REPLAY_TOPIC=replays) as stage:
        kafka.produce(stage.topic, [b"-" * 6_000, b"small"])
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: health.get("dead_letters") == 2)
            bridge.process.terminate()
        replayed = manage(stage, "replay_dead_letters", "--all")

    assert [message.value() for message in kafka.messages(replays)] == [b"small"]
    assert (replayed.returncode, replayed.stderr) == (1, "")
    assert replayed.stdout.splitlines() == [
        f"1 dead letter written to {replays}",
        "1 not written: they are larger than the replay topic's max.message.bytes",
    ]


async def test_replayed_records_without_a_key_reach_their_channel_in_order(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    """Dead letters and replays have three partitions each, but all records without a key go to the same partition."""
    dead_letters = kafka.create_topic("dead-letters", partitions=3)
    kafka.create(f"{dead_letters}.replay", partitions=3)
    with staged(
        kafka,
        centrifugo_v6,
        tmp_path,
        BRIDGE_DEAD_LETTER_TOPIC=dead_letters,
        BRIDGE_REPLAY_TOPIC=f"{dead_letters}.replay",
    ) as stage:
        routes = stage.routes.read_text()
        stage.routes.write_text(routes.replace('fields = ["n"]', 'fields = ["absent"]'))
        kafka.produce(stage.topic, [b'{"family":"f-1","n":%d}' % number for number in range(90)])
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: health.get("dead_letters") == 90)
            bridge.process.terminate()
        stage.routes.write_text(routes)
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge() as bridge:
                bridge.wait_until_assigned(4)
                assert manage(stage, "replay_dead_letters", "--all", "--rate", "1000").returncode == 0
                await client.until(lambda: client.count == 90)

    assert client.numbers("family:f-1") == list(range(90))


def test_an_interrupted_replay_prints_how_many_dead_letters_it_has_written(stage: Stage, kafka: Kafka) -> None:
    replays = f"{stage.variables['BRIDGE_DEAD_LETTER_TOPIC']}.replay"
    kafka.produce(stage.topic, [b"no json"] * 50)
    with stage.bridge() as bridge:
        bridge.wait_until(lambda health: health.get("dead_letters") == 50)
        bridge.process.terminate()

    command = (sys.executable, "manage.py", "replay_dead_letters", "--all", "--rate", "1")
    env = environment(9730, **variables_of(stage))
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE, text=True) as running:  # noqa: S603
        until = time.monotonic() + 30
        while len(kafka.messages(replays)) < 2:
            assert time.monotonic() < until, running.communicate()
        # After half of the time between two letters, the last one is confirmed, and the next one is not yet sent.
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)

    written = len(kafka.messages(replays))
    assert running.returncode == 1
    assert out.splitlines()[-1] == f"{written} dead letters written to {replays}"
    assert err == "Interrupted. At most one more dead letter was written than the number above.\n"


async def test_the_dead_letter_of_a_replayed_record_counts_the_replays(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage, stage.bridge() as bridge:
        dead_letters = stage.variables["BRIDGE_DEAD_LETTER_TOPIC"]
        kafka.produce(stage.topic, [VALUE])
        bridge.wait_until(lambda health: health.get("dead_letters") == 1)
        code, shown = on_terminal("replay_dead_letters", "--all", **variables_of(stage))
        bridge.wait_until(lambda health: health.get("dead_letters") == 2)
        first, second = (dict(message.headers() or ()) for message in kafka.messages(dead_letters))

    assert (first["bridge.replays"], second["bridge.replays"]) == (b"0", b"1")
    assert (code, "0 of 1 dead letters" in plain(shown)) == (0, True)
    assert plain(shown).splitlines()[-1] == f"1 dead letter written to {dead_letters}.replay"
    assert first["bridge.topic"] == second["bridge.topic"] == stage.topic.encode()
    assert len(second) == len(first)


async def test_inspect_dead_letters_names_a_dead_letter_topic_that_does_not_exist(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        stage.variables["BRIDGE_DEAD_LETTER_TOPIC"] = "nowhere"
        ended = manage(stage, "inspect_dead_letters")

    assert ended.returncode == 3
    assert ended.stdout == ""
    assert f"BRIDGE_DEAD_LETTER_TOPIC: the topic nowhere {ABSENT}. Create it: " in ended.stderr


async def test_bridge_lag_works_while_no_bridge_runs(kafka: Kafka, centrifugo_v6: Path, tmp_path: Path) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        kafka.produce(stage.topic, [b'{"family":"f-1","n":1}'])
        with stage.bridge() as bridge:
            bridge.wait_until(lambda health: kafka.committed(stage.group, stage.topic) == [1])
            bridge.process.terminate()
        idle = manage(stage, "bridge_lag", "--json")
        kafka.produce(stage.topic, [b'{"family":"f-1","n":2}'] * 2)
        behind = manage(stage, "bridge_lag", "--json", "--warn", "0", "--critical", "600")

    [replays, row] = json.loads(idle.stdout)["partitions"]
    assert (row["topic"], row["committed"], row["lag"], row["oldest_s"]) == (stage.topic, 1, 0, None)
    assert (replays["committed"], replays["lag"]) == (None, 0)
    assert (idle.returncode, behind.returncode) == (0, 1)
    assert json.loads(behind.stdout)["partitions"][1]["lag"] == 2
