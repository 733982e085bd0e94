"""How deeply arrays and objects are nested in a JSON text. Pure.

A parser's own limit is no limit of the protocol: msgspec's depends on the version of Python.
"""

from typing import Final

DEEPEST: Final = 500  # data for clients: Apple's parser, for example, reads at most 512 levels
DEEPEST_REQUEST: Final = 2000  # about what protocol/members.py reads with its limit on tokens
_AS_ARRAYS: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(set(range(256)) - set(b'"[]{}'))
_OPENING: Final = ord("[")


def is_too_deep(valid: bytes, deepest: int = DEEPEST) -> bool:
    """True if this valid JSON has more than `deepest` nested levels.

    Uses few steps of Python: a backend's answer can have a million brackets.
    """
    if valid.count(b"[") + valid.count(b"{") <= deepest:  # also counts those in strings, which is quicker
        return False
    depth = 1  # the innermost level, which usually has most of the brackets, is removed first
    for bracket in _brackets(valid).replace(b"[]", b""):
        depth += 1 if bracket == _OPENING else -1
        if depth > deepest:
            return True
    return False


def _brackets(valid: bytes) -> bytes:
    """The brackets that are not in strings, with those of objects written as those of arrays."""
    if b"\\" in valid:
        valid = valid.replace(b"\\\\", b"").replace(b'\\"', b"")  # then each quote begins or ends a string
    marks = valid.translate(_AS_ARRAYS, _OTHERS).replace(b'""', b"")  # without strings that have no brackets
    return b"".join(marks.split(b'"')[::2])
