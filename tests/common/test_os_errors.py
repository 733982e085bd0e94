"""The reason of an operating-system error."""

import pytest

from common.os_errors import reason


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", "/run/secret"), "Permission denied"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_reason_names_no_path(error: OSError, expected: str) -> None:
    assert reason(error) == expected
