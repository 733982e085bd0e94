"""Makes text of unknown origin safe to print. Examples are a path, a key in a file, and an environment variable.

Control characters can move a terminal's cursor, start a new log line, or reverse the order of what is displayed.
"""

import re
from typing import Final

BACKSLASH: Final = "\\"
# The characters that may be unprintable; str.isprintable decides.
_CANDIDATE: Final = re.compile(r"[^\x20-\x7e]")
_CANDIDATE_IN_JSON: Final = re.compile(r"[^\n\x20-\x7e]")


def printable(text: object) -> str:
    r"""The text on one line. Unprintable characters are escaped: \n, \x1b, \u202e, \U000e0001."""
    shown = str(text)
    return shown if shown.isprintable() else _CANDIDATE.sub(_escaped, shown)


def printable_lines(text: str) -> str:
    """Same as `printable` for text with intended line breaks, such as a report or a traceback."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    r"""The JSON text with unprintable characters as \uXXXX. Between its tokens, only spaces and \n are allowed."""
    return text if text.isprintable() else _CANDIDATE_IN_JSON.sub(_escaped_in_json, text)


def ascii_json(text: str) -> str:
    r"""Same as `printable_json`, but all characters outside ASCII become \uXXXX."""
    return _CANDIDATE_IN_JSON.sub(_in_ascii_json, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else repr(character)[1:-1]


def _escaped_in_json(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else _in_ascii_json(match)


def _in_ascii_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"{BACKSLASH}u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
