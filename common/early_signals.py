"""SIGINT and SIGTERM while the process starts. Imported before all else, so it imports next to nothing.

Python would turn SIGINT into a KeyboardInterrupt: raised inside an import, it may be swallowed there, and otherwise
prints a traceback. So until a server or a command takes over, a signal ends the process at once.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final

SERVERS: Final = ("serve", "run_bridge")  # a signal is how they are meant to end


def install(arguments: Sequence[str]) -> None:
    """End on a signal: with 0 for a server, with 128 plus the signal's number for another command, as shells do."""
    server = "".join(arguments[1:2]) in SERVERS

    def on_signal(number: int, frame: FrameType | None) -> None:
        leave(0 if server else 128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def restore(arguments: Sequence[str]) -> None:
    """Give a command Python's own handlers: it may clean up on KeyboardInterrupt. A server sets its own."""
    if "".join(arguments[1:2]) not in SERVERS:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def leave(code: int) -> None:
    """End at once. Nothing needs closing, and an exception could be swallowed wherever it is raised."""
    if "common.log_output" in sys.modules:
        sys.modules["common.log_output"].flush()
    os._exit(code)
