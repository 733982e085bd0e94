"""Limits how deeply arrays and objects may be nested in a JSON text.

The limit of a parser cannot be used, because it may change. For example, msgspec's limit depends on Python's version.
"""

from typing import Final

DEEPEST: Final = 500  # for data to clients: Apple's parser, for example, reads at most 512 levels
DEEPEST_REQUEST: Final = 2000  # about the depth that protocol/members.py can read within its limit on tokens
_AS_ARRAYS: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(set(range(256)) - set(b'"[]{}'))
_OPENING: Final = ord("[")


def is_too_deep(valid: bytes, deepest: int = DEEPEST) -> bool:
    """True if this valid JSON has more than `deepest` nested levels.

    Methods of bytes do most of the work, because a backend's answer can have a million brackets.
    """
    if valid.count(b"[") + valid.count(b"{") <= deepest:  # also counts brackets in strings, because this is quicker
        return False
    depth = 1  # the innermost level, which usually has most of the brackets, is removed first
    for bracket in _brackets(valid).replace(b"[]", b""):
        depth += 1 if bracket == _OPENING else -1
        if depth > deepest:
            return True
    return False


def _brackets(valid: bytes) -> bytes:
    """The brackets that are not in strings. Curly brackets are written as square brackets."""
    if b"\\" in valid:
        valid = valid.replace(b"\\\\", b"").replace(b'\\"', b"")  # then each quote begins or ends a string
    marks = valid.translate(_AS_ARRAYS, _OTHERS).replace(b'""', b"")  # strings without brackets are removed
    return b"".join(marks.split(b'"')[::2])
