"""How deeply arrays and objects are nested in a JSON text. Pure.

A parser's own limit is no limit of the protocol: msgspec's depends on the version of Python.
"""

import re
from typing import Final

DEEPEST: Final = 500  # Apple's parser, for example, reads at most 512 levels
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[{\]}]")


def is_too_deep(valid: bytes) -> bool:
    """True if this valid JSON is nested deeper than DEEPEST."""
    if valid.count(b"[") + valid.count(b"{") <= DEEPEST:  # also counts those in strings, which is quicker
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", valid)):
        depth += 1 if bracket in (b"[", b"{") else -1
        if depth > DEEPEST:
            return True
    return False
