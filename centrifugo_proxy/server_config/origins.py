"""The origins that an entry of Centrifugo's `allowed_origins` admits: https://centrifugal.dev/docs/server/configuration

Each entry is a glob pattern (https://github.com/gobwas/glob) without separators: `*` also matches dots and slashes.
"""

import re
from collections.abc import Iterator
from typing import Final

STRANGER: Final = "stranger.example"
NULL: Final = "null"  # the origin of local files and of sandboxed frames
DEFAULT_PORT: Final = re.compile(r"https://.*:443|http://.*:80")  # browsers leave the default port out
# Origins that no entry should match. They have short and long names, digits, ports, and common top-level domains.
STRANGERS: Final = tuple(
    f"{scheme}://{host}"
    for scheme in ("https", "http")
    for host in (STRANGER, f"{STRANGER}:8443", f"www.{STRANGER}", "0.example", "stranger.com", "stranger.net", "z.org")
)
WEB_PAGE: Final = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]+)?")
ANY_SCHEME: Final = re.compile(r"^[^:/]*\*[^:/]*://")
PART: Final = re.compile(
    r"(?P<any>\*+)|(?P<one>\?)|\[(?P<none>!?)(?P<set>[^]]+)\]|\\(?P<quoted>.)|(?P<other>.)", re.DOTALL
)
BRACES: Final = re.compile(r"\{[^{}]*\}")
WILD: Final = re.compile(r"[*?[]")
GROUP: Final = {"{": "(?:", "}": ")"}


def admits_attackers(entry: str) -> bool:
    """True if the pattern admits an origin that an attacker could register. Some such patterns are not recognized."""
    pattern = _expression(entry)
    return pattern is not None and any(pattern.fullmatch(origin) for origin in (*STRANGERS, *_made_for(entry)))


def never_matches(entry: str) -> bool:
    """True if the pattern clearly matches no origin that a browser sends. Some such patterns are not recognized.

    Origins are in lower case, and have no path, comma, quote or white space. All but "null" begin with a scheme.
    """
    plain = _without_alternatives(entry)
    if entry != entry.lower() or any(character in plain for character in ", \t\"'"):
        return True
    if DEFAULT_PORT.fullmatch(plain):
        return True
    if WILD.search(plain):
        return plain.endswith("/")
    return entry != NULL and ("://" not in entry or "/" in plain.partition("://")[2])


def _without_alternatives(entry: str) -> str:
    """The entry without braces and their contents. Braces may be nested."""
    while (shorter := BRACES.sub("", entry)) != entry:
        entry = shorter
    return entry


def _made_for(entry: str) -> Iterator[str]:
    """Origins that an attacker can register to match a pattern with `*` at the end or at the start of its host.
    For example, https://app.example.com* admits https://app.example.com.evil.test, *app* admits https://app.evil.test,
    and *example.com admits https://evilexample.com. The subdomains that *.example.com admits are left out, because
    only the owner of the domain can register them.
    """
    with_scheme = ANY_SCHEME.sub("https://", entry) if "://" in entry else f"https://{entry}"
    scheme, _, host = with_scheme.partition("://")
    inner = host.strip("*")
    candidates = []
    if host.endswith("*"):
        candidates += [f"{start}{inner}{end}" for start in ("", "a") for end in (STRANGER, f".{STRANGER}")]
    if host.startswith("*") and inner.count(".") == 1 and not inner.startswith("."):
        candidates.append(f"stranger{inner}")
    yield from filter(WEB_PAGE.fullmatch, (f"{scheme}://{candidate}" for candidate in candidates))


def _expression(entry: str) -> re.Pattern[str] | None:
    """The pattern as a regular expression. None if it is malformed. An open brace is closed at the end of the entry."""
    written, depth = "", 0
    for part in PART.finditer(entry):
        depth += {"{": 1, "}": -1}.get(part["other"] or "", 0)
        written += _written(part, in_group=depth > 0)
    try:
        return re.compile(written + ")" * depth, re.DOTALL)
    except re.error:
        return None


def _written(part: re.Match[str], *, in_group: bool) -> str:
    if part["any"]:
        return ".*"
    if part["one"]:
        return "."
    if part["set"]:
        return f"[{'^' if part['none'] else ''}{_members(part['set'])}]"
    if part["other"] == "," and in_group:
        return "|"
    return GROUP.get(part["other"], re.escape(part["quoted"] or part["other"]))


def _members(written: str) -> str:
    """The inside of a character class: a range such as a-z, or single characters."""
    first, dash, last = (written[:1], written[1:2], written[2:])
    if dash == "-" and len(last) == 1:
        return f"{re.escape(first)}-{re.escape(last)}"
    return re.escape(written)
