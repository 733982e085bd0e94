"""The measuring commands work with small loads. Targets are checked only if they hold on any machine."""

import subprocess
import sys
from functools import partial

import pytest

from bench import claims, compare, instructions, outage, pool
from bench.parts.load import TOKEN, Answers
from bench.parts.processes import BenchError, floor, identity, peer, service
from tests.harness.paths import ROOT
from tools.ports import free_port

pytestmark = pytest.mark.processes


def test_100_000_tickets_load_within_40_mib() -> None:
    found = pool.measure(100_000)

    assert found.tickets == 100_000
    assert found.peak_mib < pool.BAR_MIB


@pytest.mark.parametrize("path", ["", "/usr/bin:/bin"], ids=["without wrk", "with wrk if it is installed"])
def test_a_load_is_measured(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("PATH", path)
    with identity() as address:
        environment = {"IDENTITY_VALIDATE_GRPC_ADDRESS": address, "CENTRIFUGO_PROXY_TOKEN": TOKEN}

        found = compare.measure(floor, environment, 0.2, 4)

    assert found.rps > 10
    assert 0 < found.cpu_us < 1e6
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.rss_mib > 10


@pytest.mark.parametrize("framework", compare.PEERS)
def test_a_service_in_another_framework_answers_connects(monkeypatch: pytest.MonkeyPatch, framework: str) -> None:
    monkeypatch.setenv("PATH", "")  # without wrk
    with identity() as address:
        start = partial(peer, compare.PEERS[framework])

        found = compare.measure(start, {"IDENTITY_VALIDATE_GRPC_ADDRESS": address}, 0.2, 4)

    assert found.rps > 5


def test_holdup_measures_every_kind_of_work() -> None:
    command = [sys.executable, "-m", "bench.holdup", "--repetitions", "1"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert run.stderr == ""
    assert [line[:8] for line in run.stdout.splitlines()[1:]] == [
        "nothing ",
        "scrape  ",
        "young co",
        "full col",
        "export o",
    ]


def test_the_table_of_instructions_compares_each_row_with_floor_and_bare() -> None:
    counts = {"floor": 400_000.0, "bare": 500_000.0, "full": 550_000.0, "refused": 50_000.0}

    assert instructions.connect_table(counts).splitlines() == [
        "            instructions   / floor    / bare",
        "floor            400,000     1.000     0.800",
        "bare             500,000     1.250     1.000",
        "full             550,000     1.375     1.100",
        "refused           50,000     0.125     0.100",
    ]


def test_every_client_of_a_storm_connects() -> None:
    row = outage.storm(clients=60, limit=5)

    assert (row["connected"], row["broken"]) == (60, 0)
    assert row["refused"] > 0


def test_a_process_that_does_not_start_is_reported_with_its_output() -> None:
    with (
        pytest.raises(BenchError, match=r"(?s)^the service does not listen on .*Configuration refused:.*LOG_LEVEL"),
        service(free_port(), {"LOG_LEVEL": "loud"}) as pid,
    ):
        raise AssertionError(pid)


async def test_a_claim_is_compared_with_a_call_to_identity() -> None:
    with identity() as address:
        result = await claims.run(address, "", questions=64, rounds=2)

    assert set(result["rows"]) == {f"{way}, {at_once} at once" for way in ("identity", "file") for at_once in (1, 16)}
    assert all(0 < row["p50_ms"] <= row["p99_ms"] and row["cpu_us"] > 0 for row in result["rows"].values())
    assert claims.table(result).count("\n") == 4


def test_percentiles_of_few_answers_are_numbers() -> None:
    answers = Answers()

    assert answers.percentile_ms(99) == 0
    answers.add(200, 0.5)
    assert answers.percentile_ms(99) == 500


def test_the_table_has_every_row_and_ratio() -> None:
    row = dict.fromkeys(compare.PRINTED, 1.5)
    result = {
        "machine": {"cores": 2, "python": "3.11"},
        "rounds": 3,
        "rows": {"floor": row},
        "cpu_ratios": {"a / b": 1.2},
    }

    assert compare.table(result).splitlines() == [
        "         CPU µs     req/s    p50 ms    p99 ms   RSS MiB",
        "floor       1.5       1.5       1.5       1.5       1.5",
        "CPU a / b: 1.2",
        "2 cores, Python 3.11, 3 rounds",
    ]


COMMANDS = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if "parse_args" in path.read_text())


@pytest.mark.parametrize("module", COMMANDS)
def test_each_command_with_options_prints_its_usage(module: str) -> None:
    command = [sys.executable, "-m", f"bench.{module}", "--help"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert (run.returncode, run.stderr) == (0, "")
    assert f"usage: python -m bench.{module} [" in run.stdout


@pytest.mark.parametrize("row", ["connect", "publish, family service called", "rpc"])
def test_the_service_whose_instructions_are_counted_answers_its_requests(row: str) -> None:
    command = [sys.executable, "-m", "bench.instructions", "--answer", row, "--requests", "2"]

    with instructions.environment() as variables:
        run = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603

    assert (run.returncode, run.stderr) == (0, "")
