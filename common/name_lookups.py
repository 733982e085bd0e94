"""Looks up host names in daemon threads, so that a resolver that hangs does not delay the end of a process.

The event loop's own lookups run in a thread pool, and the loop waits for this pool when it closes.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, in the resolver's order and without duplicates.

    Raises OSError, or UnicodeError if a label of the name is empty or longer than 63 characters. The lookup runs in a
    daemon thread that is never joined.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Any]] = loop.create_future()

    def settle(addresses: list[Any] | Exception) -> None:
        if not found.done():
            found.set_exception(addresses) if isinstance(addresses, Exception) else found.set_result(addresses)

    def look_up() -> None:
        addresses: list[Any] | Exception
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            addresses = error
        with suppress(RuntimeError):  # the event loop is closed: no caller is waiting
            loop.call_soon_threadsafe(settle, addresses)

    threading.Thread(target=look_up, daemon=True).start()
    return list(dict.fromkeys(address[4][0] for address in await found))


class NameLookups:
    """Lookups for a client that retries. At most one lookup of a host and port runs at a time.

    If a caller gives up, its lookup continues, and the next caller waits for the same lookup.
    """

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """Same as `resolve`."""
        place = (host, port)
        lookup = self._running.get(place)
        if lookup is None:
            lookup = self._running[place] = asyncio.create_task(resolve(host, port))
            lookup.add_done_callback(lambda ended: self._ended(place, ended))
        # Since Python 3.14, asyncio.shield would log the failure of a lookup whose callers have given up.
        await asyncio.wait([lookup])
        return lookup.result()

    def _ended(self, place: tuple[str, int], lookup: asyncio.Task[list[str]]) -> None:
        del self._running[place]
        if not lookup.cancelled():
            lookup.exception()  # if no caller is left, asyncio would log that nothing retrieved the exception
