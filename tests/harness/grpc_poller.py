"""Drops an error that grpc.aio logs when a test's event loop is closed. A pytest plugin, loaded by tests/conftest.py.

One thread of grpc.aio serves the loops of all tests. An event that it hands over late meets the closed loop of an
earlier test, and the error appears in the log of the test that runs then. This concerns tests only: a process of the
service has one loop.
"""

import logging

CALLBACK = "PollerCompletionQueue._handle_events"


def pytest_configure() -> None:
    """Install the filter before the first test."""
    logging.getLogger("asyncio").addFilter(is_wanted)


def is_wanted(record: logging.LogRecord) -> bool:
    """False for the error of a closed loop in grpc.aio's callback."""
    error = record.exc_info[1] if record.exc_info else None
    return not (CALLBACK in record.getMessage() and str(error) == "Event loop is closed")
