"""Tracebacks for the log that repeat nothing of a record."""

import traceback


def without_text(error: Exception) -> dict[str, str]:
    """Where an exception was raised, without its text: a parser's may repeat the record."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"error": type(error).__name__, "traceback": frames}
