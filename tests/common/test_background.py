"""Background tasks that run as long as a context."""

import asyncio
import logging

import pytest

from common.background import in_background


async def test_the_work_runs_until_the_end_of_the_context() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with in_background(work()):
        await asyncio.wait_for(began.wait(), 20)
        running = not ended.is_set()

    assert (running, ended.is_set()) == (True, True)


async def test_an_error_is_logged_at_once_and_neither_ends_the_context_nor_other_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steps = asyncio.Semaphore(0)

    async def fails() -> None:
        raise ValueError("invented")

    async def continues() -> None:
        while True:
            await asyncio.sleep(0)
            steps.release()

    async with in_background(fails(), continues()):
        for _ in range(5):
            await asyncio.wait_for(steps.acquire(), 20)
        logged = [(record.levelno, record.getMessage().splitlines()[0]) for record in caplog.records]

    [(level, message)] = logged
    assert level == logging.ERROR
    assert message.startswith("the background task test_an_error_is_logged_at_once")
    assert message.endswith("fails ended with an error")
    assert "ValueError: invented" in caplog.text


async def test_an_error_of_the_context_is_raised_after_the_work_has_ended() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail_in_context() -> None:
        async with in_background(work()):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_in_context()

    assert ended.is_set()
