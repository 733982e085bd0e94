"""The summary of skipped tests at the end of a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_skipped_in_its_body(number):
    pytest.skip("no broker")

@pytest.mark.skip(reason="no Redis")
def test_skipped_by_its_mark():
    pass

def test_that_runs():
    pass
"""


@pytest.mark.processes
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["one process", "a worker"])
def test_each_reason_is_named_with_its_number_of_tests(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    absent = [word for name in ("cacheprovider", "randomly", "django", "asyncio") for word in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-p", "tests.harness.not_run", *absent, *workers]
    ended = subprocess.run(  # noqa: S603
        [*command, str(tmp_path)], cwd=ROOT, env=bare_environment(), capture_output=True, text=True, check=False
    )

    named = [line for line in ended.stdout.splitlines() if line.startswith("NOT RUN")]
    assert named == ["NOT RUN: 2 tests. no broker", "NOT RUN: 1 test. no Redis"]
