"""Exit codes of commands that report a state, as monitoring plugins define them."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

FAILED: Final = 1
# The exit codes of these commands report a state, as do the exit codes of commands whose names begin with check_.
REPORTING: Final = frozenset({"pods", "bridge_lag", "inspect_dead_letters", "replay_dead_letters"})


class PluginState(IntEnum):
    """The states, with their exit codes: https://www.monitoring-plugins.org/doc/guidelines.html"""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def failure_code(arguments: Sequence[str]) -> int:
    """The exit code of a command that cannot run or loses its output. `arguments` begin with the program's name.

    It is UNKNOWN if the command's exit code reports a state, otherwise FAILED.
    """
    command = "".join(arguments[1:2])
    return PluginState.UNKNOWN if command.startswith("check_") or command in REPORTING else FAILED
