"""The static pool of fallback tickets: digests in memory, each consumable once."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from common.files import MIB, read_chunks
from common.os_errors import reason
from fallback.digests import DigestSet

BOM: Final = b"\xef\xbb\xbf"
MAX_FILE_BYTES: Final = 512 * MIB
MAX_LINE_BYTES: Final = 64 * 1024  # a ticket has at most 4,096 characters


class LoadStatus(StrEnum):
    """How loading the pool file ended; `/health` shows the value."""

    DISABLED = "disabled"
    LOADED = "loaded"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


class Consumed(NamedTuple):
    """A ticket was in the pool and is now spent. `crossed_watermark` is true once in a pool's life."""

    remaining: int
    crossed_watermark: bool


class LoadedPool(NamedTuple):
    """A pool and how it came to be. `detail` is a reason without a ticket in it, "" when all is well."""

    pool: "TicketPool"
    status: LoadStatus
    duplicates: int = 0
    detail: str = ""


class MalformedPool(ValueError):
    """The file is not a list of tickets. The message names the line, and shows nothing of it."""


def digest(ticket: str) -> bytes:
    """SHA-256 of the ticket; lone surrogates cannot be in UTF-8 and so are never in a pool."""
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()


@dataclass(slots=True)
class TicketPool:
    """Digests of the tickets left. It only shrinks, and never holds the tickets themselves."""

    _digests: DigestSet = field(repr=False)
    low_watermark: int
    initial_size: int

    @classmethod
    def of(cls, tickets: Iterable[str], low_watermark: int) -> "TicketPool":
        """A pool of these tickets; duplicates count once."""
        digests = DigestSet()
        for ticket in tickets:
            digests.add(digest(ticket))
        return cls(digests, low_watermark, len(digests))

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, ticket: str) -> bool:
        return digest(ticket) in self._digests

    def consume(self, ticket: str) -> Consumed | None:
        """Take the ticket out; None when it is not (or no longer) there. Of two simultaneous callers one wins."""
        remaining = self._digests.remove(digest(ticket))
        if remaining is None:
            return None
        return Consumed(remaining, crossed_watermark=remaining + 1 == self.low_watermark)


def load(path: str, low_watermark: int) -> LoadedPool:
    """Load the file at `path` ("" = no pool). Never raises: a pool must not stop the boot."""
    nothing = TicketPool.of((), low_watermark)
    if not path:
        return LoadedPool(nothing, LoadStatus.DISABLED)
    counted = _Counted(parse(read_chunks(path, MAX_FILE_BYTES)))
    try:
        pool = TicketPool.of(counted, low_watermark)
    except FileNotFoundError:
        return LoadedPool(nothing, LoadStatus.MISSING, detail="no such file")
    except OSError as error:
        return LoadedPool(nothing, LoadStatus.UNREADABLE, detail=reason(error))
    except MalformedPool as error:
        return LoadedPool(nothing, LoadStatus.UNREADABLE, detail=str(error))
    if not counted.total:
        return LoadedPool(pool, LoadStatus.EMPTY, detail="no ticket in the file")
    return LoadedPool(pool, LoadStatus.LOADED, duplicates=counted.total - pool.initial_size)


@dataclass
class _Counted:
    """Passes tickets on one by one, and counts them."""

    tickets: Iterator[str]
    total: int = 0

    def __iter__(self) -> Iterator[str]:
        for ticket in self.tickets:
            self.total += 1
            yield ticket


def parse(chunks: Iterable[bytes]) -> Iterator[str]:
    """The tickets of a pool file: one a line; blank lines and `#` comments are not tickets. Raises MalformedPool."""
    for number, line in enumerate(_lines(chunks), start=1):
        try:
            ticket = line.decode().strip()
        except UnicodeDecodeError:
            raise MalformedPool(f"not UTF-8 at line {number}") from None
        if ticket and not ticket.startswith("#"):
            yield ticket


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The lines, which end with \n, \r\n or \r. The last one of each part may go on in the next."""
    rest, first = b"", True
    complete = 0
    for chunk in filter(None, chunks):
        *lines, rest = (rest + chunk).splitlines(keepends=True)
        if lines and first:
            lines[0], first = lines[0].removeprefix(BOM), False
        yield from lines
        complete += len(lines)
        if len(rest) > MAX_LINE_BYTES:
            raise MalformedPool(f"line {complete + 1} is longer than {MAX_LINE_BYTES // 1024} KiB")
    yield rest.removeprefix(BOM) if first else rest
