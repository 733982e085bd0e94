"""Messages about files that cannot be read."""

from common.files import read_file
from common.os_errors import reason
from common.safe_path import safe_path


def why_unreadable(path: str, max_bytes: int) -> str:
    """Why the file at `path` cannot be read; "" if it can be read."""
    try:
        read_file(path, max_bytes)
    except OSError as error:
        return cannot_read(path, error)
    return ""


def cannot_read(path: str, error: OSError) -> str:
    """A message for `error`, such as "cannot read /etc/tls/ca.crt: Permission denied"."""
    return f"cannot read {safe_path(path)}: {reason(error)}"
