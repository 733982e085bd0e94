"""Tracebacks for the log that never quote a record."""

import asyncio
import logging
import traceback
from typing import Any

logger = logging.getLogger("bridge")


def without_text(error: Exception) -> dict[str, str]:
    """The class and the traceback of an exception, without its message, which may quote the record."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"error": type(error).__name__, "traceback": frames}


def log_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's handler for uncaught exceptions. It logs no text, which may contain a channel or a user."""
    error = context.get("exception")
    logger.error("unhandled internal error", extra=without_text(error) if isinstance(error, Exception) else {})
