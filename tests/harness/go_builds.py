"""Tells a failed build with Go that the machine caused from one that the repository caused."""

import re
from typing import Final

# What a failed build logs when the module mirror is at fault: it answered with an error, it could not be reached, or it
# lacks the module and downloading from the source is off.
MIRROR_FAULTS: Final = (
    re.compile(r"reading https?://\S+: [45]\d\d "),
    re.compile(r'Get "https?://[^"]+": '),
    re.compile(r"git ls-remote .*: exit status"),
)
# What it logs where Go is missing, or too old for go.mod.
GO_FAULTS: Final = (
    re.compile(r"\bgo: (command )?not found"),
    re.compile(r"requires go >= "),
    re.compile(r"go.mod:\d+: (invalid go version|unknown directive)"),
)


def excuse(build_log: str, what: str, module: str) -> str:
    """Why `what` cannot be built on this machine; "" when the repository itself may be at fault.

    `module` is the go.mod that names the version of Go.
    """
    if any(fault.search(build_log) for fault in MIRROR_FAULTS):
        return f"The module mirror did not deliver the sources of {what}."
    if any(fault.search(build_log) for fault in GO_FAULTS):
        return f"Go is missing or too old to build {what}; {module} has the version it needs."
    return ""
