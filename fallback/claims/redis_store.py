"""Claims in Redis: a key for each used ticket, and a counter for each pool."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis, Sentinel, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError
from redis.backoff import NoBackoff

from common.name_lookups import NameLookups
from common.os_errors import network_reason
from fallback.claims.redis_connections import NamedConnection, NamedTlsConnection, PrimaryConnection, UnreadableFile
from fallback.claims.store import KEPT_S, Answer, StoreError, StoreKind
from fallback.claims.url import Login, RedisSentinel, RedisServer, RedisSocket

T = TypeVar("T")
CONNECTIONS: Final = 32
PROBE_S: Final = 60
# A process claims a ticket again if the answer to its first claim was lost. The ticket was then put back into the pool,
# or accepted locally. So a later claim of the same process wins too.
CLAIM: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  local used = redis.call('INCR', KEYS[2])
  if used == 1 then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
  return {1, used}
end
local mine = redis.call('GET', KEYS[1]) == ARGV[1]
return {mine and 1 or 0, tonumber(redis.call('GET', KEYS[2]) or 0)}
"""
CLAIM_SHA: Final = hashlib.sha1(CLAIM.encode()).hexdigest()  # noqa: S324  (the name that Redis gives a script)
CLUSTER: Final = "it is a node of a Redis Cluster, which is not supported"
# Errors with reasons that an operator can act on. For some of these errors, redis-py drops the reply's code word.
REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.AuthenticationError, "it refuses the user or the password"),
    (exceptions.NoPermissionError, "its ACL does not allow a command that is needed (NOPERM)"),
    (exceptions.OutOfMemoryError, "it is out of memory (OOM)"),
    (exceptions.ReadOnlyError, "it is a read-only replica (READONLY)"),
    (exceptions.BusyLoadingError, "it is loading its data (LOADING)"),
    (MasterNotFoundError, "the Sentinels know no primary"),
    (exceptions.ClusterError, CLUSTER),
    (exceptions.AskError, CLUSTER),
    (exceptions.TryAgainError, CLUSTER),
)
# Errors that redis-py raises for a malformed host name, and for replies of a server that is not Redis.
NONSENSE: Final = (ValueError, TypeError, AttributeError, RecursionError)
NOT_REDIS: Final = "it does not answer as Redis does"
TOO_MANY_CLIENTS: Final = "max number of clients reached"  # redis-py has no exception class for this error


class Clients(NamedTuple):
    """The Redis that stores the claims, and the Sentinels that know its address."""

    primary: Redis
    sentinels: tuple[Redis, ...] = ()


class RedisStore:
    """A `ClaimStore` in one Redis, over up to 32 connections. Commands are never retried.

    A failure is raised at once: `SharedClaims` decides what to do.
    """

    kind = StoreKind.REDIS

    def __init__(self, clients: Clients, *, prefix: str, pool: str, holder: str) -> None:
        self._client = clients.primary
        self._clients = clients
        self._holder = holder
        # The braces put all keys of a prefix on one slot of a cluster.
        self._ticket_keys = f"{{{prefix}}}:t:"
        self._count_key = f"{{{prefix}}}:n:{pool}"
        self._probe_key = f"{{{prefix}}}:p:{holder}"
        self._slots = asyncio.Semaphore(CONNECTIONS)  # redis-py's pools raise an error instead of waiting
        self._known = False

    async def claim(self, key: str) -> Answer:
        """See `ClaimStore`. Raises StoreError."""
        keys = (self._ticket_keys + key, self._count_key)
        reply = await self._answered(lambda: self._evaluated(*keys, self._holder, str(KEPT_S)))
        match reply:
            case [int(mine), int(used)] if used >= 0:
                return Answer(mine == 1, used)
        raise StoreError(NOT_REDIS)

    async def _evaluated(self, *arguments: str) -> Any:
        try:
            return await self._client.evalsha(CLAIM_SHA, 2, *arguments)
        except exceptions.NoScriptError:
            return await self._client.eval(CLAIM, 2, *arguments)

    async def contact(self) -> int:
        """See `ClaimStore`. Writes a key first, because a replica or a full Redis refuses writes. Raises StoreError."""
        return await self._answered(self._contacted)

    async def _contacted(self) -> int:
        if await self._client.set(self._probe_key, "1", ex=PROBE_S) is not True:
            raise ValueError("not the reply to SET")
        if not self._known:
            await self._client.expire(self._count_key, KEPT_S)
            self._known = True
        return int(await self._client.get(self._count_key) or 0)

    async def evicts(self) -> str:
        """See `ClaimStore`. Also returns "" if an ACL forbids INFO, which reports the policy."""
        try:
            memory: Any = await self._answered(lambda: self._client.info("memory"))
        except _NotAllowed:
            return ""
        policy = str(memory.get("maxmemory_policy", "noeviction"))
        return "" if policy == "noeviction" else policy

    async def close(self) -> None:
        for client in (self._clients.primary, *self._clients.sentinels):
            await client.aclose()

    async def _answered(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises StoreError."""
        async with self._slots:
            try:
                return await call()
            except exceptions.NoPermissionError as error:
                raise _NotAllowed(explanation(error)) from None
            except exceptions.ResponseError as error:
                await self._leave_server()
                raise StoreError(explanation(error)) from None
            except (exceptions.RedisError, OSError, *NONSENSE) as error:
                raise StoreError(explanation(error)) from None

    async def _leave_server(self) -> None:
        """Close the idle connections. A server that refuses commands may be a former primary. The host's name may
        already lead to the new primary.
        """
        await self._client.connection_pool.disconnect(inuse_connections=False)


class _NotAllowed(StoreError):
    """An ACL forbids the command."""


def explanation(error: Exception) -> str:
    """The reason why Redis gave no answer: fixed words, Redis' code word such as NOREPLICAS, or the error's class."""
    if known := next((words for kind, words in REASONS if isinstance(error, kind)), ""):
        return known
    if isinstance(error, UnreadableFile):
        return str(error)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, UnicodeError):
        return "cannot connect (malformed host name)"
    if isinstance(cause, OSError):
        return f"cannot connect ({network_reason(cause)})"
    return _of_a_reply(error)


def _of_a_reply(error: Exception) -> str:
    if isinstance(error, (exceptions.InvalidResponse, *NONSENSE)):
        return NOT_REDIS
    if TOO_MANY_CLIENTS in str(error):
        return "it has reached its maximum number of clients"
    code = str(error).partition(" ")[0]
    if isinstance(error, exceptions.ResponseError) and code.isalpha() and code.isupper():
        return f"it answered {code}"
    return "the connection broke" if isinstance(error, exceptions.ConnectionError) else type(error).__name__


def open_clients(place: RedisServer | RedisSocket | RedisSentinel, deadline_s: float) -> Clients:
    """Clients that connect on first use. They have no timeouts, except for Sentinels: the caller has a deadline."""
    common: dict[str, Any] = {
        "db": place.db,
        **_credentials(place.login),
        "socket_timeout": None,
        "socket_connect_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,  # no CLIENT SETINFO: an ACL may forbid it
    }
    match place:
        case RedisSocket():
            pool = ConnectionPool(UnixDomainSocketConnection, CONNECTIONS, path=place.path, **common)
        case RedisServer():
            kind = NamedTlsConnection if place.tls else NamedConnection
            more = {"host": place.host, "port": place.port, "names": NameLookups(), **_tls(place)}
            pool = ConnectionPool(kind, CONNECTIONS, **more, **common)
        case RedisSentinel():
            return _behind_sentinels(place, deadline_s, common)
    return Clients(Redis.from_pool(pool))


def _behind_sentinels(place: RedisSentinel, deadline_s: float, common: dict[str, Any]) -> Clients:
    """Clients of the primary and its Sentinels. Each Sentinel gets a share of the deadline, so that a Sentinel that
    hangs leaves time for the others.
    """
    share_s, names = deadline_s / (len(place.sentinels) + 1), NameLookups()
    own = {**common, **_credentials(place.sentinel_login), "db": 0, "names": names}
    own |= {"socket_timeout": share_s, "socket_connect_timeout": share_s}
    manager = Sentinel((), connection_class=PrimaryConnection, names=names, **common)  # type: ignore[no-untyped-call]
    manager.sentinels = [
        Redis.from_pool(ConnectionPool(NamedConnection, host=host, port=port, **own)) for host, port in place.sentinels
    ]
    return Clients(manager.master_for(place.service, max_connections=CONNECTIONS), tuple(manager.sentinels))


def _credentials(login: Login) -> dict[str, str | None]:
    return {"username": login.username or None, "password": login.password or None}


def _tls(place: RedisServer) -> dict[str, Any]:
    if not place.tls:
        return {}
    return {
        "files": list(filter(None, (place.ca_file, place.cert_file, place.key_file))),
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": place.ca_file or None,
        "ssl_certfile": place.cert_file or None,
        "ssl_keyfile": place.key_file or None,
    }
