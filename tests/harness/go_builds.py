"""Decides whether the machine or the repository caused a failed build with Go."""

import re
from typing import Final

# Log lines of a build that failed because of the module mirror. The mirror answered with an error, was unreachable, or
# lacked a module that Go could not fetch from the module's own repository either.
MIRROR_FAULTS: Final = (
    re.compile(r"reading https?://\S+: [45]\d\d "),
    re.compile(r'Get "https?://[^"]+": '),
    re.compile(r"git ls-remote .*: exit status"),
)
# Log lines of a build where Go is missing, or too old for go.mod.
GO_FAULTS: Final = (
    re.compile(r"\bgo: (command )?not found"),
    re.compile(r"requires go >= "),
    re.compile(r"go.mod:\d+: (invalid go version|unknown directive)"),
)


def excuse(build_log: str, what: str, module: str) -> str:
    """The reason why this machine cannot build `what`; "" if the repository itself may be at fault.

    `module` is the go.mod that names the version of Go.
    """
    if any(fault.search(build_log) for fault in MIRROR_FAULTS):
        return f"The module mirror did not deliver the sources of {what}."
    if any(fault.search(build_log) for fault in GO_FAULTS):
        return f"Go is missing or too old to build {what}; {module} has the version it needs."
    return ""
