"""Handles signals while the process starts. This module is imported first, so it imports almost nothing.

Python raises KeyboardInterrupt on SIGINT. During an import, other code may catch this exception, or print a traceback.
So SIGINT and SIGTERM end the process at once, until a server installs its own handlers or `restore` is called.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final

SERVERS: Final = ("serve", "run_bridge")  # commands that normally end by a signal
CHECK: Final = "--check"  # with this option, run_bridge is not a server: its exit code 0 means "no problems"


def install(arguments: Sequence[str]) -> None:
    """Exit on a signal. The exit code of a server is 0. Other commands exit with 128 plus the signal's number."""
    server = is_server(arguments)

    def on_signal(number: int, frame: FrameType | None) -> None:
        leave(0 if server else 128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    if server:
        _handle_other_signals()


def is_server(arguments: Sequence[str]) -> bool:
    """True if this command line normally ends by a signal. As in argparse, `--ch` means `--check`."""
    checks = any(len(each) > len("--") and CHECK.startswith(each) for each in arguments[2:])
    return "".join(arguments[1:2]) in SERVERS and not checks


def _handle_other_signals() -> None:
    """On SIGHUP (a lost terminal) and SIGQUIT, shut the server down gracefully. Ignore signals that request a reload.

    By default, each of these signals ends the process at once, and requests in flight fail.
    """
    for number in (signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup sets SIG_IGN
            signal.signal(number, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def restore(arguments: Sequence[str]) -> None:
    """Restore Python's handlers, because a command may handle KeyboardInterrupt. A server installs its own handlers."""
    if not is_server(arguments):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def leave(code: int) -> None:
    """Write the log, and exit at once. This does not raise SystemExit, which the interrupted code could catch."""
    if "common.log_output" in sys.modules:
        sys.modules["common.log_output"].flush()
    os._exit(code)
