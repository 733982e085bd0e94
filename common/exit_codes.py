"""Exit codes of commands that report a state, as monitoring plugins define them."""

from enum import IntEnum


class PluginState(IntEnum):
    """The value is the exit code: https://www.monitoring-plugins.org/doc/guidelines.html"""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3
