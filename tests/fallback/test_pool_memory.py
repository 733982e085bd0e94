"""The memory of a large pool, measured in a separate process."""

import subprocess
import sys
from pathlib import Path

import pytest

from fallback.minting import mint
from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes

TICKETS = 1_000_000
LIMIT_MIB = 160
# The process loads the application as `manage.py serve` does. VmHWM is its peak memory, in KiB. ru_maxrss
# would include the memory of the parent process.
LOADED = """
from pathlib import Path
from centrifugo_proxy.management.commands.serve import server_config
server_config().load()
from fallback.loaded import loaded_pool
[peak] = [line.split()[1] for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')]
print(len(loaded_pool().pool), peak)
"""


def peak_mib(path: Path) -> tuple[int, float]:
    """The number of tickets, and the peak memory in MiB of a process that loads the pool at `path`."""
    variables = bare_environment(FALLBACK_TICKETS_PATH=str(path), LOG_LEVEL="error")
    command = [sys.executable, "-c", LOADED]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=100, check=True)  # noqa: S603
    tickets, kib = ended.stdout.split()
    return int(tickets), int(kib) / 1024


def test_a_million_tickets_load_within_160_mib(tmp_path: Path) -> None:
    file = tmp_path / "pool"
    mint(TICKETS, file, overwrite=False)

    tickets, peak = peak_mib(file)

    assert tickets == TICKETS
    assert peak < LIMIT_MIB
