"""The static pool of fallback tickets: digests in memory, each consumable once."""

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from common.files import MIB, read_chunks
from common.os_errors import reason
from common.tickets import MAX_TICKET_CHARACTERS
from fallback.claims.keys import pool_key
from fallback.digests import DigestSet

MAX_FILE_BYTES: Final = 512 * MIB
MAX_LINE_BYTES: Final = 64 * 1024


class LoadStatus(StrEnum):
    """The result of loading the pool file; `/health` shows the value."""

    DISABLED = "disabled"
    LOADED = "loaded"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


class LoadedPool(NamedTuple):
    """A pool and the result of loading it. `detail` is the reason for a failure, else ""; it never quotes a ticket."""

    pool: "TicketPool"
    status: LoadStatus
    duplicates: int = 0
    detail: str = ""


class MalformedPool(ValueError):
    """The file is not a list of tickets. The message has the line's number, never its content."""


def digest(ticket: str) -> bytes:
    """SHA-256 of the ticket. UTF-8 cannot encode lone surrogates, so a ticket with one is never in a pool."""
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()


@dataclass(slots=True)
class TicketPool:
    """The digests of the tickets left, never the tickets themselves. Only `restore` adds a digest."""

    _digests: DigestSet = field(repr=False)
    low_watermark: int
    initial_size: int
    _was_above: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._was_above = self.initial_size >= self.low_watermark

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

    def consume(self, ticket: str) -> bool:
        """Remove the ticket; False if it is not in the pool. Of two simultaneous callers only one succeeds."""
        return self._digests.remove(digest(ticket)) is not None

    def restore(self, ticket: str) -> None:
        """Put back a consumed ticket with which no client was accepted."""
        self._digests.add(digest(ticket))

    def crosses_watermark(self, left: int) -> bool:
        """True once, when the number of tickets left falls below the watermark.

        If the pool starts below the watermark, the result is never True.
        """
        crosses = self._was_above and left < self.low_watermark
        self._was_above = self._was_above and not crosses
        return crosses

    def claims_key(self) -> str:
        """The name under which claims on this pool are counted (docs/fleet.md).

        It is made from the tickets left, so read it before the first ticket is consumed.
        """
        return pool_key(self._digests.in_order())


def load(path: str, low_watermark: int) -> LoadedPool:
    """Load the file at `path` ("" = no pool). Never raises: a bad pool must not prevent startup."""
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
    """Yields tickets one by one, and counts them."""

    tickets: Iterator[str]
    total: int = 0

    def __iter__(self) -> Iterator[str]:
        for ticket in self.tickets:
            self.total += 1
            yield ticket


def parse(chunks: Iterable[bytes]) -> Iterator[str]:
    """The tickets of a pool file, one per line. Blank lines and lines that begin with `#` are skipped.

    Raises MalformedPool, also for a line that cannot be a ticket. Otherwise, the pool would count an unusable ticket.
    """
    for number, line in enumerate(_lines(chunks), start=1):
        try:
            ticket = _content(line, number).decode().strip()
        except UnicodeDecodeError:
            raise MalformedPool(f"not UTF-8 at line {number}") from None
        if ticket and not ticket.startswith("#"):
            yield _usable(ticket, number)


def _usable(ticket: str, number: int) -> str:
    """The ticket. Raises MalformedPool if clients cannot send it."""
    if len(ticket) > MAX_TICKET_CHARACTERS:
        raise MalformedPool(f"line {number} has more than {MAX_TICKET_CHARACTERS} characters, so it is not a ticket")
    if "\0" in ticket:  # such as UTF-16 without a BOM
        raise MalformedPool(f"line {number} has a NUL character; save the file as UTF-8")
    return ticket


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Split the file at \n, \r\n or \r. A chunk may end inside a line: the beginning is kept for the next chunk."""
    rest, complete = b"", 0
    for chunk in filter(None, chunks):
        *lines, rest = (rest + chunk).splitlines(keepends=True)
        yield from lines
        complete += len(lines)
        _content(rest, complete + 1)  # raises before the rest takes too much memory
    yield rest


def _content(line: bytes, number: int) -> bytes:
    """The line without its line break; the first line also without a BOM. Raises MalformedPool if it is too long."""
    content = line.rstrip(b"\r\n")
    if number == 1:
        content = content.removeprefix(BOM_UTF8)
    if len(content) > MAX_LINE_BYTES:
        raise MalformedPool(f"line {number} is longer than {MAX_LINE_BYTES // 1024} KiB")
    return content
