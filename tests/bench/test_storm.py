"""A small storm through a real Centrifugo, and the open files that a large one needs.

Only counts are checked, because times depend on the machine.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.parts.centrifugo import BINARY
from tests.harness.paths import ROOT

CLIENTS = 300


@pytest.mark.processes
def test_a_storm_that_needs_more_open_files_than_allowed_says_how_many() -> None:
    storm = [sys.executable, "-m", "bench.storm", "--clients", "30000"]
    limited = ["/bin/sh", "-c", 'ulimit -n 1000; exec "$@"', "sh", *storm]

    run = subprocess.run(limited, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603

    assert run.returncode == 1
    assert run.stderr == "32000 open files are needed, but only 1000 are allowed; raise ulimit -n.\n"


@pytest.mark.processes
@pytest.mark.skipif(not BINARY.exists(), reason="needs Centrifugo: make centrifugo")
def test_every_client_of_a_storm_connects_with_about_one_call_to_identity_each(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    # Identity is slow, so that the service refuses some clients on a busy machine too.
    limits = ["--identity-ms", "200", "--limit", "20", "--give-up", "90"]
    options = ["--clients", str(CLIENTS), *limits, "--json", str(file)]

    subprocess.run([sys.executable, "-m", "bench.storm", *options], cwd=ROOT, check=False, capture_output=True)  # noqa: S603

    found = json.loads(file.read_text())
    assert (found["connected"], found["lost"], found["dropped"]) == (CLIENTS, 0, 0)
    assert found["shed"] > 0
    assert found["calls_each"] <= 1.3
    assert found["probes"] > 0
