"""Runs manage.py commands on a pseudo-terminal."""

import os
import pty
import re
import subprocess
import sys

from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT

WAIT_S = 60.0


def on_terminal(*arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code and the output to the terminal, with its escape sequences."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "manage.py", *arguments]
    environment = bare_environment(TERM="xterm", COLUMNS="120", LINES="40", **variables)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=terminal, stderr=terminal) as running:  # noqa: S603
        os.close(terminal)
        shown = _read(controller)
        code = running.wait(WAIT_S)
    os.close(controller)
    return code, shown.decode().replace("\r\n", "\n")


def _read(controller: int) -> bytes:
    shown = b""
    while True:
        try:
            shown += os.read(controller, 65536)
        except OSError:  # the other side has closed the terminal
            return shown


def plain(shown: str) -> str:
    """The output without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
