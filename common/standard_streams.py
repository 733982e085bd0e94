"""The standard streams of a process that was started without some of them."""

import os
import sys

_closed: set[int] = set()


def secure() -> None:
    """Open /dev/null in place of each closed standard stream.

    A socket would otherwise get its number, and lines meant for stdout would go to whoever is connected there.
    Python itself has None for a closed stream, which libraries do not expect.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  (they stay open, as standard streams do)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def closed_at_start() -> set[int]:
    """The numbers of the streams that `secure` found closed."""
    return _closed
