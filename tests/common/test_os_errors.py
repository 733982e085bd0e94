"""The reason of an operating-system error."""

import socket
import ssl

import pytest

from common.os_errors import network_reason, reason

CALL_FAILED = "[Errno 111] Connect call failed"  # a part of asyncio's text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", "/run/secret"), "Permission denied"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_reason_is_the_systems_message_without_the_path_or_else_the_name_of_the_error(
    error: OSError, expected: str
) -> None:
    assert reason(error) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)"), "TLS failed"),
        (
            OSError(f"Multiple exceptions: {CALL_FAILED} ('::1', 1, 0, 0), {CALL_FAILED} ('127.0.0.1', 1)"),
            "Connection refused",
        ),
        (
            OSError(f"Multiple exceptions: {CALL_FAILED} ('127.0.0.1', 1), [Errno 113] Connect call failed ('::2', 1)"),
            "Connection refused, No route to host",
        ),
        (OSError("Multiple exceptions: one, another"), "Multiple exceptions: one, another"),
        (OSError(), "OSError"),
    ],
)
def test_the_reason_of_a_failed_connection_does_not_repeat_the_address(error: OSError, expected: str) -> None:
    assert network_reason(error) == expected
