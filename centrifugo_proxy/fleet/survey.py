"""Queries all pods of a fleet in parallel, each within its own time limit."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from centrifugo_proxy.fleet.pod import Health, Pod, Scrape, rates, read_health, read_scrape
from centrifugo_proxy.fleet.report import Fleet
from common.live_process import QueryFailed, Unresolved, get, get_json, not_this_service
from common.name_lookups import resolve

POD_S: Final = 2.0  # for all requests to one pod in a round
METRICS_BYTES: Final = 8 * 1024 * 1024
T = TypeVar("T")


async def addresses(target: str) -> list[str]:
    """The URLs of all addresses behind NAME:PORT, sorted by address. Raises QueryFailed."""
    name, port = _name_and_port(target)
    try:
        async with asyncio.timeout(POD_S):
            found = await resolve(name, port)
    except TimeoutError:
        raise QueryFailed(f"--dns {target}: the resolver does not answer within {POD_S:.0f} seconds.") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise QueryFailed(f"--dns {target}: cannot resolve {name} ({reason}).") from None
    ordered = sorted(map(ipaddress.ip_address, found), key=lambda address: (address.version, int(address)))
    return [f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}" for address in ordered]


def _name_and_port(target: str) -> tuple[str, int]:
    name, _, port = target.rpartition(":")
    bare = name.removeprefix("[").removesuffix("]")
    known = bare and not set(bare) & set("/@?# ") and port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not known:
        shown = "a value with @" if "@" in target else repr(target)
        raise QueryFailed(f"--dns is {shown}; accepted: NAME:PORT, such as realtime-service-pods:9730.")
    return bare, int(port)


@dataclass(slots=True)
class Survey:
    """Queries the pods in rounds. A rate covers the time between two scrapes of the same pod."""

    interval_s: float
    _scrapes: dict[str, Scrape] = field(default_factory=dict)

    async def round(self, urls: Sequence[str]) -> Fleet:
        """Query all pods in parallel. A pod without an earlier scrape is scraped twice, `interval_s` apart."""
        return Fleet(tuple(await asyncio.gather(*(self._pod(url) for url in urls))))

    async def _pod(self, url: str) -> Pod:
        now = asyncio.get_running_loop().time
        started_at = now()
        health, ready, scrape = await asyncio.gather(
            _settled(_health(url)), _settled(_ready(url)), _settled(_scrape(url, POD_S))
        )
        left_s = POD_S - (now() - started_at)
        if isinstance(scrape, Scrape) and url not in self._scrapes and left_s > 0:
            self._scrapes[url] = scrape
            await asyncio.sleep(self.interval_s)
            scrape = await _settled(_scrape(url, left_s))
        return self._described(url, health, ready, scrape)

    def _described(
        self, url: str, health: Health | QueryFailed, ready: bool | QueryFailed, scrape: Scrape | QueryFailed
    ) -> Pod:
        problem = next((str(answer) for answer in (health, ready, scrape) if isinstance(answer, QueryFailed)), None)
        earlier = self._scrapes.pop(url, None)
        if isinstance(scrape, Scrape):
            self._scrapes[url] = scrape
        if isinstance(health, QueryFailed):
            return Pod(url, problem, resolved=not isinstance(health, Unresolved))
        return Pod(
            url,
            problem,
            health=health,
            ready=None if isinstance(ready, QueryFailed) else ready,
            connects_per_s=rates(earlier, scrape) if earlier and isinstance(scrape, Scrape) else None,
        )


async def _settled(query: Awaitable[T]) -> T | QueryFailed:
    """The answer, or the reason why there is none."""
    try:
        return await query
    except QueryFailed as problem:
        return problem


async def _health(url: str) -> Health:
    """Raises QueryFailed."""
    body = await get_json(f"{url}/health", POD_S)
    try:
        return read_health(body)
    except ValueError:
        raise not_this_service(url) from None


async def _ready(url: str) -> bool:
    """Raises QueryFailed."""
    status, _ = await get(f"{url}/health/ready", POD_S)
    if status not in (200, 503):
        raise QueryFailed(f"{url}/health/ready answered {status}; check that the host and port are this service's.")
    return status == 200


async def _scrape(url: str, timeout_s: float) -> Scrape:
    """Raises QueryFailed."""
    status, body = await get(f"{url}/metrics", timeout_s, METRICS_BYTES)
    try:
        return read_scrape(asyncio.get_running_loop().time(), body)
    except ValueError:
        raise QueryFailed(f"{url}/metrics answered {status} without this service's metrics.") from None
