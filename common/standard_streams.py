"""Makes the standard streams safe to use: one may be closed at startup, and stdout may not encode all characters."""

import os
import sys
from io import TextIOWrapper

_closed: set[int] = set()


def secure() -> None:
    """Open /dev/null in place of each closed standard stream.

    Otherwise a socket could get the number of the stream, and output would be sent to a client. Also, Python sets
    sys.stdout to None if the stream is closed, and libraries do not expect None.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  (stays open)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    _escape_unencodable()


def _escape_unencodable() -> None:
    r"""Make stdout write escapes such as \u2026 for characters outside its encoding, instead of raising an error."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")


def closed_at_start() -> set[int]:
    """The numbers of the streams that `secure` found closed."""
    return _closed


def discard_output() -> None:
    """Point stdout to /dev/null after a write to it has failed, for example because the reader has closed the pipe.

    The interpreter flushes sys.stdout when it exits. If the flush fails, it prints a message and exits with 120.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
