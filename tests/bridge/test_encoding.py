"""How much memory encoded values take."""

import subprocess
import sys

import pytest

from tests.harness.paths import ROOT

PROGRAM = """
import resource
from bridge.encoding import dumped

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept = [dumped({"user": f"user-{number}"}) for number in range(50_000)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.processes
def test_an_encoded_value_takes_little_more_memory_than_its_size() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603

    assert int(ended.stdout) < 30_000  # KiB; it would be 200,000 with the bytes objects that orjson returns
