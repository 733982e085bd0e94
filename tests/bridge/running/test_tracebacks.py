"""The log line about an error that no code has caught."""

import asyncio
import logging

import pytest

from bridge.running.tracebacks import log_unhandled


async def test_an_unhandled_error_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def faulty(channel: str) -> None:
        raise KeyError(channel)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_unhandled)
    loop.call_soon(faulty, "family:f-1")
    await asyncio.sleep(0)

    [found] = caplog.records
    assert (found.levelno, found.message, found.exc_info) == (logging.ERROR, "unhandled internal error", None)
    assert found.__dict__["error"] == "KeyError"
    assert "in faulty" in found.__dict__["traceback"]
    assert "family" not in str(found.__dict__)
