"""Builds and starts the identity services in examples/identity with the commands of docs/identity.md."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.harness import go_builds
from tests.harness.paths import DOCS, ROOT

EXAMPLES: Final = ROOT / "examples" / "identity"
GO_PROGRAM: Final = ROOT / ".cache" / "identity-example"
GO_LOG: Final = ROOT / ".cache" / "identity-example.log"
USERS: Final = ("u-1", "u-2")

Build = Callable[[Path], list[str]]


@dataclass
class Example:
    """A running identity service. `tickets` has a ticket for each user."""

    popen: subprocess.Popen[str]
    tickets: dict[str, str] = field(repr=False)  # keeps tickets out of the messages of failed assertions

    def kill(self) -> None:
        """End the process like a crash, with SIGKILL."""
        self.popen.kill()
        self.popen.wait()

    def end(self, number: signal.Signals) -> int:
        """Send this signal, such as SIGTERM in a rollout. Returns the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(20)


def python_command(folder: Path) -> list[str]:
    """Generates the contract's code in this folder, beside a copy of the server."""
    shutil.copy(EXAMPLES / "python" / "server.py", folder)
    [generate, start] = re.findall(r"^python .+$", (DOCS / "identity.md").read_text(), re.MULTILINE)
    documented = "examples/identity/python"
    words = [word.replace(documented, str(folder)) for word in shlex.split(generate)]
    subprocess.run([sys.executable, *words[1:]], cwd=ROOT, check=True, timeout=60)  # noqa: S603
    return [sys.executable, *(word.replace(documented, str(folder)) for word in shlex.split(start)[1:-1])]


def go_command(folder: Path) -> list[str]:
    """The program of `make identity-example`. If it is missing, the test is skipped.

    In CI, the test fails if the program is missing although CI was able to build it.
    """
    if os.access(GO_PROGRAM, os.X_OK):
        return [str(GO_PROGRAM)]
    log = GO_LOG.read_text() if GO_LOG.exists() else ""
    why = go_builds.excuse(log, "the identity service in Go", "examples/identity/go/go.mod")
    if not why and os.environ.get("CI") == "true":
        pytest.fail(f"{GO_PROGRAM} is missing, and CI requires it.\n{log}", pytrace=False)
    pytest.skip(why or "The identity service in Go is missing: `make identity-example` builds it.")


@contextmanager
def running(command: list[str], address: str) -> Iterator[Example]:
    """The example, which listens on this address and has printed its tickets."""
    with subprocess.Popen([*command, address], stdout=subprocess.PIPE, text=True) as popen:  # noqa: S603
        assert popen.stdout is not None
        try:
            yield Example(popen, dict(popen.stdout.readline().split() for _ in USERS))
        finally:
            popen.kill()
