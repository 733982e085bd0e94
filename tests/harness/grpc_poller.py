"""Drops an error that grpc.aio logs when a test's event loop is closed. A pytest plugin, loaded by tests/conftest.py.

One thread of grpc.aio serves the event loops of all tests. If it delivers an event late, the loop of the earlier test
is closed already. The error then appears in the log of the test that runs at that time. A process of the service has
only one event loop, so the error occurs only in tests.
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
