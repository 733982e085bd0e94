"""The static pool of fallback tickets: digests in memory, each consumable once."""

import errno
import hashlib
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from common.os_errors import reason

BOM = "\ufeff"
LINE_END = re.compile(r"\r\n|\r|\n")


class LoadStatus(StrEnum):
    """How loading the pool file ended; `/health` shows the value."""

    DISABLED = "disabled"
    LOADED = "loaded"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


class Consumed(NamedTuple):
    """A ticket was in the pool and is gone now. `crossed_watermark`: told once in a pool's life."""

    remaining: int
    crossed_watermark: bool


class LoadedPool(NamedTuple):
    """A pool and how it came to be. `detail` is a reason without a ticket in it, "" when all is well."""

    pool: "TicketPool"
    status: LoadStatus
    duplicates: int = 0
    detail: str = ""


def digest(ticket: str) -> bytes:
    """SHA-256 of the ticket; lone surrogates cannot be in UTF-8 and so are never in a pool."""
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()


@dataclass(slots=True)
class TicketPool:
    """Digests of the tickets left. It only shrinks, and never knew the tickets themselves."""

    _digests: set[bytes] = field(repr=False)
    low_watermark: int
    initial_size: int

    @classmethod
    def of(cls, tickets: Iterable[str], low_watermark: int) -> "TicketPool":
        """A pool of these tickets; duplicates count once."""
        digests = {digest(ticket) for ticket in tickets}
        return cls(digests, low_watermark, len(digests))

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, ticket: str) -> bool:
        return digest(ticket) in self._digests

    def consume(self, ticket: str) -> Consumed | None:
        """Take the ticket out; None when it is not (or no longer) there.

        One `set.remove` decides, so that of two simultaneous callers one wins.
        """
        try:
            self._digests.remove(digest(ticket))
        except KeyError:
            return None
        remaining = len(self._digests)
        return Consumed(remaining, crossed_watermark=remaining + 1 == self.low_watermark)


def load(path: str, low_watermark: int) -> LoadedPool:
    """Load the file at `path` ("" = no pool). Never raises: a pool must not stop the boot."""
    nothing = TicketPool(set(), low_watermark, 0)
    if not path:
        return LoadedPool(nothing, LoadStatus.DISABLED)
    try:
        content = _content(path)
    except FileNotFoundError:
        return LoadedPool(nothing, LoadStatus.MISSING, detail="no such file")
    except OSError as error:
        return LoadedPool(nothing, LoadStatus.UNREADABLE, detail=reason(error))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = len(LINE_END.split(content[: error.start].decode()))
        return LoadedPool(nothing, LoadStatus.UNREADABLE, detail=f"not UTF-8 at line {line}")
    return _loaded(text, low_watermark)


def _content(path: str) -> bytes:
    """The bytes of a file. Raises OSError for what may have no end: a pipe or a device would hold up the boot."""
    mode = Path(path).stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # a folder has an error of its own
        return Path(path).read_bytes()
    raise OSError(errno.EINVAL, "not a regular file")


def _loaded(text: str, low_watermark: int) -> LoadedPool:
    tickets = list(parse(text))
    pool = TicketPool.of(tickets, low_watermark)
    if not tickets:
        return LoadedPool(pool, LoadStatus.EMPTY, detail="no ticket in the file")
    return LoadedPool(pool, LoadStatus.LOADED, duplicates=len(tickets) - pool.initial_size)


def parse(text: str) -> Iterator[str]:
    """The tickets of a pool file: one a line; blank lines and `#` comments are not tickets."""
    for line in LINE_END.split(text.removeprefix(BOM)):
        ticket = line.strip()
        if ticket and not ticket.startswith("#"):
            yield ticket
