"""The distribution of tests over the workers of pytest-xdist."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT
from tests.harness.worker_groups import ForgettingScheduling

TESTS = """
import pathlib
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_it(number, worker_id):
    (pathlib.Path(__file__).parent / f"{worker_id}.seen").touch()
"""


@pytest.mark.processes
def test_one_worker_runs_all_tests_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = [
        "-p",
        "tests.harness.worker_groups",
        "-p",
        "no:asyncio",
        "-p",
        "no:django",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    ]
    command = [sys.executable, "-m", "pytest", *options, "--numprocesses", "2", "--dist", "loadgroup", str(tmp_path)]

    ended = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=bare_environment(), capture_output=True, text=True, timeout=100, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(list(tmp_path.glob("*.seen"))) == 1


class Worker:
    """A worker, as the scheduler sees it."""

    def __init__(self) -> None:
        self.shutting_down = False
        self.sent: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_the_scheduler_sends_every_test_once_and_forgets_the_finished_ones() -> None:
    options = {"tx": ["popen"], "loadscopereorder": True}
    scheduler = ForgettingScheduling(SimpleNamespace(getvalue=options.get, option=SimpleNamespace(**options)), None)
    worker = Worker()
    scheduler.add_node(worker)
    scheduler.add_node_collection(worker, [f"test_{number}" for number in range(20)])

    scheduler.schedule()
    for number in range(20):
        scheduler.mark_test_complete(worker, number)
        assert len(scheduler.assigned_work[worker]) <= 3

    assert worker.sent == list(range(20))
    assert worker.shutting_down
