"""Claims in an SQLite file, which the processes of one machine share and which survives restarts."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from common.os_errors import reason
from fallback.claims.store import KEPT_S, Answer, StoreError, StoreKind

T = TypeVar("T")
FILE: Final = "claims.sqlite3"
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
CONTACT_BYTES: Final = 16 * 1024
DAMAGED: Final = "its database contains an unreadable value"
TABLES: Final = """
CREATE TABLE IF NOT EXISTS claim (
  ticket BLOB PRIMARY KEY, holder TEXT NOT NULL, pool TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pool (name TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contact (id INTEGER PRIMARY KEY, filler BLOB NOT NULL);
"""


class SqliteStore:
    """A `ClaimStore` in `folder`/claims.sqlite3.

    It uses WAL with synchronous=NORMAL: a killed process loses nothing, and a power failure may lose the last commits.
    WAL does not work on NFS. All SQLite calls run in one thread.
    """

    kind = StoreKind.FILE

    def __init__(
        self, folder: Path, *, pool: str, holder: str, deadline_s: float, wall: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._pool = pool
        self._holder = holder
        self._deadline_s = deadline_s
        self._wall = wall
        self._thread = ThreadPoolExecutor(1, "fallback-claims")
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    async def claim(self, key: str) -> Answer:
        """See `ClaimStore`. Raises StoreError."""
        ticket = bytes.fromhex(key)
        return await self._in_thread(lambda connection: self._claim(connection, ticket))

    def _claim(self, connection: sqlite3.Connection, ticket: bytes) -> Answer:
        row = (ticket, self._holder, self._pool, int(self._wall()))
        if connection.execute("INSERT INTO claim VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount == 1:
            connection.execute(
                "INSERT INTO pool VALUES (?, 1) ON CONFLICT DO UPDATE SET used = used + 1", (self._pool,)
            )
        (holder,) = connection.execute("SELECT holder FROM claim WHERE ticket = ?", (ticket,)).fetchone()
        return Answer(holder == self._holder, self._used(connection))

    def _used(self, connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT used FROM pool WHERE name = ?", (self._pool,)).fetchone()
        return int(row[0]) if row else 0

    async def contact(self) -> int:
        """See `ClaimStore`. Writes first, because a disk may be full or read-only. Raises StoreError."""
        return await self._in_thread(self._contacted)

    def _contacted(self, connection: sqlite3.Connection) -> int:
        # More pages than a claim needs, with new content each time, because SQLite does not write an unchanged page.
        filler = os.urandom(CONTACT_BYTES)
        connection.execute(
            "INSERT INTO contact VALUES (1, ?) ON CONFLICT DO UPDATE SET filler = excluded.filler", (filler,)
        )
        return self._used(connection)

    async def evicts(self) -> str:
        return ""

    async def close(self) -> None:
        """Returns immediately, even while the thread waits for the disk."""
        self._thread.submit(self._disconnect)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work` in a transaction. Raises StoreError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)
        except OSError as error:
            raise StoreError(f"cannot use the folder ({reason(error)})") from None
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")  # absent if Python could not convert a value
            raise StoreError(f"SQLite: {name}" if name else DAMAGED) from None
        except (ValueError, OverflowError):
            raise StoreError(DAMAGED) from None

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs in the thread. Raises OSError or sqlite3.Error; for a damaged count, ValueError or OverflowError."""
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._disconnect()  # this rolls back
            raise
        return result

    def _connected(self) -> sqlite3.Connection:
        """The connection. If the file has been replaced, this opens a new connection."""
        if self._connection is None or self._file() != self._opened:
            self._disconnect()
            self._connection = self._connect()
            self._opened = self._file()
        return self._connection

    def _file(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self) -> sqlite3.Connection:
        self._folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # an existing file is not opened: closing it would drop SQLite's locks
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        connection = sqlite3.connect(self._path, timeout=self._deadline_s, isolation_level=None)
        until = time.monotonic() + self._deadline_s
        try:
            while not self._prepared(connection):
                if time.monotonic() > until:
                    raise TimeoutError("locked")
                time.sleep(0.01)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepared(self, connection: sqlite3.Connection) -> bool:
        """Prepare the file. False if another process has the lock: SQLite does not wait for it to change to WAL."""
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(TABLES)
            connection.execute("DELETE FROM claim WHERE at < ?", (int(self._wall()) - KEPT_S,))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return False
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
