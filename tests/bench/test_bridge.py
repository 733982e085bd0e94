"""The comparison of the bridge with Centrifugo's own Kafka consumer: the records, the rate and the printed lines."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

from bench.bridge import FIGURES, MANY, incidents, lines
from bench.parts.bridge_backlog import rate
from bench.parts.bridge_forms import Form, message
from bench.parts.centrifugo import BINARY
from bench.parts.kafka_stage import Stage
from bench.parts.processes import BenchError
from tests.harness.paths import ROOT
from tools.kafka.broker import why_missing

DATA = {"family": "f7", "number": 7, "at": 5, "text": "x"}


def test_the_record_for_the_bridge_is_a_plain_event() -> None:
    record = message(Form.BRIDGE, 7, 5, "x")

    assert (record.key, json.loads(record.value), record.headers) == (b"f7", DATA, [])


def test_the_record_for_centrifugos_default_mode_is_a_command() -> None:
    record = message(Form.COMMANDS, 7, 5, "x")

    payload = {"channel": "family:f7", "data": DATA, "idempotency_key": "bench:7:5"}
    assert (json.loads(record.value), record.headers) == ({"method": "publish", "payload": payload}, [])


def test_the_record_for_centrifugos_publication_data_mode_is_the_data_with_headers() -> None:
    record = message(Form.HEADERS, 7, 5, "x")

    assert json.loads(record.value) == DATA
    assert record.headers == [
        ("x-centrifugo-channels", b"family:f7"),
        ("x-centrifugo-idempotency-key", b"bench:7:5"),
    ]


def test_the_rate_counts_neither_the_start_nor_the_end_of_a_backlog() -> None:
    looks = [(0.0, 0), (1.0, 100), (2.0, 150), (3.0, 300), (9.0, 400)]

    assert rate(looks, 400) == 100.0


def test_a_backlog_that_is_delivered_too_quickly_raises_an_error() -> None:
    with pytest.raises(BenchError, match=r"too quickly"):
        rate([(0.0, 0), (1.0, 100), (2.0, 400)], 400)


def test_the_line_of_each_figure_says_whether_its_target_is_met() -> None:
    result = {
        "backlogs": {"headers": {"throughput": 0.35, "cpu": 4.01}},
        "latencies": {"commands": {"p50": 1.0}},
        "bridge_us": 25.0,
    }

    assert lines(result) == [
        ("ok      p50, commands              1.00 of Centrifugo's consumer, at most 2.0", True),
        ("ok      throughput, headers        0.35 of Centrifugo's consumer, at least 0.35", True),
        ("MISSED  cpu, headers               4.01 of Centrifugo's consumer, at most 4.0", False),
        ("ok      bridge_us                 25.00 µs of the bridge's CPU for an event, at most 25.0", True),
    ]


def test_every_figure_that_is_not_a_ratio_has_a_line() -> None:
    result = dict.fromkeys(FIGURES, 0.0)

    assert [line.split()[1] for line, _ in lines(result)] == list(FIGURES)


class CountingStage(Stage):
    """Counts the events of `fill`, and starts no Centrifugo."""

    def fill(self, form: Form, records: int, size: int) -> None:
        self.written[form] += records

    def centrifugo(self, form: Form = Form.BRIDGE, topic: str = "", port: int = 0) -> NoReturn:
        raise BenchError("no Centrifugo")


@pytest.mark.parametrize("before", [0, MANY - 1, MANY, MANY + 1])
def test_an_outage_begins_with_more_events_than_the_bridge_reads_ahead(tmp_path: Path, before: int) -> None:
    stage = CountingStage("", tmp_path, written=Counter({Form.BRIDGE: before}))

    with pytest.raises(BenchError, match="no Centrifugo"):
        incidents(stage, argparse.Namespace(outage=1.0))

    assert stage.written[Form.BRIDGE] == max(before, MANY)


@pytest.mark.processes
@pytest.mark.skipif(
    bool(why_missing()) or not BINARY.exists(), reason="needs Kafka and Centrifugo: make kafka centrifugo"
)
def test_each_side_delivers_the_same_publications(tmp_path: Path) -> None:
    """The measurement fails by itself if a client does not get each event exactly once with its data."""
    file = tmp_path / "figures.json"
    options = ["--only", "latency", "--rounds", "1", "--rate", "50", "--seconds", "1", "--json", str(file)]

    run = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bench.bridge", *options], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert run.stderr == ""
    [delays] = json.loads(file.read_text())["delays"]
    assert set(delays) == {"bridge", "commands", "headers"}
    assert all(0 < each["p50_ms"] <= each["p99_ms"] for each in delays.values())
