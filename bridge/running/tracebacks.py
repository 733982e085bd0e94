"""Tracebacks for the log that never quote a record."""

import asyncio
import logging
import traceback
from typing import Any

logger = logging.getLogger("bridge")


def without_text(error: Exception) -> dict[str, str]:
    """Where an exception was raised, without its message: a parser's message may quote the record."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"error": type(error).__name__, "traceback": frames}


def log_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A handler of exceptions that no code of the loop has caught. Their text may name a channel or a user."""
    error = context.get("exception")
    logger.error("unhandled internal error", extra=without_text(error) if isinstance(error, Exception) else {})
