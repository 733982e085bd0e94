"""The memory limits, compared with the memory that docs/deployment.md lists for a pod."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fallback.minting import mint
from realtime_site.settings import env
from tests.deploy.manifests import BRIDGE, SERVICE, Manifests, container_of
from tests.fallback.test_pool_memory import peak_mib
from tests.harness.environment import bare_environment
from tests.harness.paths import DOCS, ROOT

pytestmark = pytest.mark.processes
COLUMNS = (SERVICE, BRIDGE)
TICKETS = 23_800
READ_AHEAD_MIB = 16  # queued.max.messages.kbytes in bridge/kafka/connection.py
# Imports what `manage.py run_bridge` imports with tracing, and prints the peak memory in KiB.
BRIDGE_LOADED = """
from pathlib import Path
from realtime_site import boot
boot.configure()
import realtime_site.management.commands.run_bridge, bridge.kafka.acceptance, bridge.running.supervisor, uvloop
import realtime_site.tracing.bridge_spans
[peak] = [line.split()[1] for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')]
print(peak)
"""


def rows() -> Iterator[tuple[str, dict[str, int]]]:
    """The rows of the table under "Memory", in MiB."""
    section = (DOCS / "deployment.md").read_text().partition("\n## Memory\n")[2].partition("\n## ")[0]
    for what, *figures in re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|$", section, re.MULTILINE):
        yield what, dict(zip(COLUMNS, map(int, figures), strict=True))


def test_the_total_is_the_sum_of_the_rows_and_at_most_two_thirds_of_the_limit() -> None:
    *parts, (_, total), (_, limit) = rows()

    for name in COLUMNS:
        assert total[name] == sum(figures[name] for _, figures in parts)
        assert total[name] * 3 <= limit[name] * 2


def test_the_memory_limits_of_prod_are_those_of_the_page(prod: Manifests) -> None:
    *_, (_, limits) = rows()

    for name in COLUMNS:
        resources = container_of(prod.one("Deployment", name))["resources"]
        assert resources["limits"]["memory"] == f"{limits[name]}Mi"


def test_the_page_includes_the_memory_for_records_that_wait_in_the_bridge() -> None:
    [waiting] = [figures[BRIDGE] for what, figures in rows() if "BRIDGE_PENDING_BYTES" in what]

    assert waiting == int(env.defaults["BRIDGE_PENDING_BYTES"]) // 2**20 + READ_AHEAD_MIB


def test_a_service_with_a_full_pool_takes_no_more_memory_than_the_page_says(tmp_path: Path) -> None:
    mint(TICKETS, tmp_path / "pool", overwrite=False)
    (_, start), _, (pool_row, pool), *_ = rows()

    tickets, peak = peak_mib(tmp_path / "pool")

    assert f"{tickets:,}" in pool_row
    assert peak <= start[SERVICE] + pool[SERVICE]


def test_a_bridge_that_has_loaded_its_code_takes_no_more_memory_than_the_page_says() -> None:
    (_, start), *_ = rows()
    command = [sys.executable, "-c", BRIDGE_LOADED]

    ended = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=bare_environment(), capture_output=True, text=True, timeout=60, check=True
    )

    assert int(ended.stdout) / 1024 <= start[BRIDGE]
