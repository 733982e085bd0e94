"""A large pool fits in memory, measured in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fallback.minting import mint
from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes

TICKETS = 1_000_000 if os.environ.get("LONG_TESTS") else 200_000
LIMIT_MIB = 160
# The process has loaded what `manage.py serve` loads; ru_maxrss is its highest memory, in KiB.
LOADED = """
import resource
from realtime_site import boot
boot.configure()
from fallback.loaded import loaded_pool
import centrifugo_proxy.web.urls, realtime_site.lifespan, uvicorn
print(len(loaded_pool().pool), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mib(path: Path | None) -> tuple[int, float]:
    """Tickets, and the highest memory of a process that loads the pool at `path`."""
    variables = bare_environment(FALLBACK_TICKETS_PATH=str(path or ""))
    command = [sys.executable, "-c", LOADED]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=100, check=True)  # noqa: S603
    tickets, kib = ended.stdout.split()
    return int(tickets), int(kib) / 1024


def test_a_large_pool_loads_within_its_share_of_160_mib(tmp_path: Path) -> None:
    file = tmp_path / "pool"
    mint(TICKETS, file, overwrite=False)
    _, without = peak_mib(None)

    tickets, peak = peak_mib(file)

    million = without + (peak - without) * 1_000_000 / TICKETS
    assert tickets == TICKETS
    assert million < LIMIT_MIB
