import logging

import pytest

from tests.harness.grpc_poller import CALLBACK


@pytest.mark.parametrize(
    ("message", "error", "logged"),
    [
        (f"Exception in callback {CALLBACK}()", "Event loop is closed", False),
        (f"Exception in callback {CALLBACK}()", "something else", True),
        ("Exception in callback another()", "Event loop is closed", True),
    ],
)
def test_the_error_of_a_closed_loop_is_dropped_only_for_the_poller_of_grpc(
    caplog: pytest.LogCaptureFixture, message: str, error: str, logged: bool
) -> None:
    logging.getLogger("asyncio").error(message, exc_info=RuntimeError(error))

    assert [record.getMessage() for record in caplog.records] == [message] * logged
