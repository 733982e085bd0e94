"""How deeply arrays and objects are nested in a JSON text. Pure.

A parser's own limit is no limit of the protocol: msgspec's depends on the version of Python.
"""

import re
from typing import Final

DEEPEST: Final = 500  # data for clients: Apple's parser, for example, reads at most 512 levels
DEEPEST_REQUEST: Final = 2000  # about what protocol/members.py reads with its limit on tokens
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[{\]}]")


def is_too_deep(valid: bytes, deepest: int = DEEPEST) -> bool:
    """True if this valid JSON has more than `deepest` nested levels."""
    if valid.count(b"[") + valid.count(b"{") <= deepest:  # also counts those in strings, which is quicker
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", valid)):
        depth += 1 if bracket in (b"[", b"{") else -1
        if depth > deepest:
            return True
    return False
