"""Tracebacks for the log that never quote a record."""

import traceback


def without_text(error: Exception) -> dict[str, str]:
    """Where an exception was raised, without its message: a parser's message may quote the record."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"error": type(error).__name__, "traceback": frames}
