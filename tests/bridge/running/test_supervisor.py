"""Work that a running bridge repeats."""

import asyncio
import logging
from secrets import token_hex

import pytest

from bridge.running.supervisor import every


async def test_repeated_work_continues_after_an_internal_error_and_the_log_does_not_have_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls, text = asyncio.Semaphore(0), token_hex()

    async def fail() -> None:
        calls.release()
        raise ValueError(text)

    task = asyncio.create_task(every(0.001, fail))
    for _ in range(3):
        await asyncio.wait_for(calls.acquire(), 20)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    lines = {(record.levelno, record.getMessage()) for record in caplog.records}
    assert lines == {(logging.ERROR, "repeated work failed with an internal error")}
    assert text not in str([record.__dict__ for record in caplog.records])
