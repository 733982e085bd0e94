"""Resolves Centrifugo's host for aiohttp in daemon threads (see common/name_lookups.py)."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from common.name_lookups import NameLookups


class DaemonResolver(AbstractResolver):
    """A resolver whose unanswered lookups do not delay the end of the process."""

    def __init__(self) -> None:
        self._names = NameLookups()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the host. `family` is ignored: aiohttp's connector accepts any family. Raises OSError."""
        return [_result(host, address, port) for address in await self._names.addresses(host, port)]

    async def close(self) -> None:
        """Do nothing: a lookup that hangs keeps only its daemon thread."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
