"""Connections of redis-py that look up host names in daemon threads (see common/name_lookups.py)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis import exceptions
from redis.asyncio import Connection, SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection

from common.files import PEM_BYTES, read_file
from common.name_lookups import NameLookups
from common.os_errors import reason

TLS_SHUTDOWN_S: Final = 0.5


class NamedConnection(Connection):
    """A connection to a host that may be a name."""

    def __init__(self, *, names: NameLookups, **options: Any) -> None:
        super().__init__(**options)
        self._names = names

    async def connect(self) -> None:
        """Connect if there is no connection yet. Raises RedisError.

        redis-py repeats the lookup, but the resolver then answers quickly.
        """
        if not self.is_connected:
            await _look_up(self._names, self.host, self.port, self.socket_connect_timeout)
        await super().connect()  # type: ignore[no-untyped-call]


class UnreadableFile(exceptions.ConnectionError):
    """A TLS file cannot be read. The message has only the reason, because the path is a part of the URL."""


class NamedTlsConnection(NamedConnection, SSLConnection):
    """A `NamedConnection` over TLS. If the server hangs, closing takes half a second instead of half a minute."""

    def __init__(self, *, files: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self._files = files

    async def connect(self) -> None:
        """Connect if there is no connection yet. Raises RedisError.

        The TLS files are checked first, because OpenSSL would open a named pipe, wait for a writer, and block the event
        loop.
        """
        if not self.is_connected:
            _check(self._files)
        await super().connect()

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl_shutdown_timeout": TLS_SHUTDOWN_S}


class PrimaryConnection(SentinelManagedConnection):
    """A connection to the primary, at the address that the Sentinels report."""

    def __init__(self, *, names: NameLookups, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._names = names

    async def connect_to(self, address: tuple[str, int]) -> None:
        """Connect to the primary. Raises RedisError."""
        await _look_up(self._names, *address, self.socket_connect_timeout)
        await super().connect_to(address)  # type: ignore[no-untyped-call]


def _check(files: Sequence[str]) -> None:
    try:
        for path in files:
            read_file(path, PEM_BYTES)
    except OSError as error:
        raise UnreadableFile(f"cannot read a TLS file ({reason(error)})") from None


async def _look_up(names: NameLookups, host: str, port: int, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await names.addresses(host, port)
    except TimeoutError:
        raise exceptions.TimeoutError("the lookup of the host name takes too long") from None
    except (OSError, UnicodeError) as error:
        raise exceptions.ConnectionError("the host name cannot be looked up") from error
