"""The proxy's process does not load the bridge's libraries."""

import subprocess
import sys

import pytest

from tests.harness.paths import ROOT
from tests.harness.processes import environment

LOADED = """
import sys
import realtime_site.asgi
print(sorted({name.partition(".")[0] for name in sys.modules} & {"aiohttp", "confluent_kafka"}))
"""


@pytest.mark.processes
def test_the_proxy_loads_neither_confluent_kafka_nor_aiohttp() -> None:
    command = [sys.executable, "-c", LOADED]

    ended = subprocess.run(command, cwd=ROOT, env=environment(1), capture_output=True, text=True, check=True)  # noqa: S603

    assert ended.stdout.splitlines()[-1] == "[]"
