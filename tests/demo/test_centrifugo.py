"""The programs whose output the demonstration reads before it starts Centrifugo."""

import asyncio
import os
from pathlib import Path

import pytest

from demo.centrifugo import layout
from tests.harness.waiting import until

pytestmark = pytest.mark.processes


async def test_cancelling_the_reading_of_a_programs_output_ends_the_program(tmp_path: Path) -> None:
    program, id_file = tmp_path / "slow", tmp_path / "id"
    program.write_text(f'#!/bin/sh\necho $$ > "{id_file}.new"; mv "{id_file}.new" "{id_file}"; exec sleep 60\n')
    program.chmod(0o700)

    reading = asyncio.create_task(layout(program))
    await until(id_file.exists)
    reading.cancel()
    await asyncio.wait([reading])

    assert reading.cancelled()
    with pytest.raises(ProcessLookupError):
        os.kill(int(id_file.read_text()), 0)
