"""The memory of a process whose callers hang up. Set HANG_UPS=100000 in the environment for a long run."""

import asyncio
import os
import sys

import pytest

from tests.harness.identity import IdentityStub, hangs
from tests.harness.paths import ROOT

HANG_UPS = int(os.environ.get("HANG_UPS", "4000"))
# The memory that may stay in use for each call whose caller hung up. grpcio leaks 900 bytes for each cancelled call, so
# the limit must be lower.
BYTES_A_CALL = 500
NOISE_BYTES = 512 * 1024


@pytest.mark.processes
@pytest.mark.timeout(60 + HANG_UPS / 100)
async def test_memory_does_not_grow_with_the_number_of_callers_that_hang_up(identity: IdentityStub) -> None:
    identity.script = hangs
    command = [sys.executable, "-m", "tests.harness.hang_ups", identity.address, str(HANG_UPS)]

    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()

    assert process.returncode == 0
    assert int(output) < min(NOISE_BYTES + HANG_UPS * BYTES_A_CALL, 8 * 1024 * 1024)
