"""Reads FALLBACK_CLAIMS_URL. Pure. Errors never quote the URL, because any part may be a mistyped password."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ACCEPTED: Final = (
    "redis://[[user]:password@]host[:port][/db], rediss://… (over TLS), unix://[[user]:password@]/path.sock[?db=N], "
    "redis+sentinel://[[user]:password@]host[:port],host[:port]/service[/db], file:///folder"
)
REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
SERVICE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
TLS_PARAMETERS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
SENTINEL_PARAMETERS: Final = ("sentinel_username", "sentinel_password")


class BadClaimsUrl(Exception):
    """The URL cannot be used. The message has the problem, and does not quote the URL."""


class Login(NamedTuple):
    """User and password; empty = not set. The representation hides both."""

    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Login(…)"


class RedisServer(NamedTuple):
    """One server, over TCP or TLS. The files are paths; empty = not set."""

    host: str
    port: int
    db: int
    login: Login
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class RedisSocket(NamedTuple):
    """One server, over a Unix socket."""

    path: str
    db: int
    login: Login


class RedisSentinel(NamedTuple):
    """The primary of `service`, found through these Sentinels."""

    sentinels: tuple[tuple[str, int], ...]
    service: str
    db: int
    login: Login
    sentinel_login: Login


class Folder(NamedTuple):
    """A folder of this machine for an SQLite database."""

    path: Path


Place = RedisServer | RedisSocket | RedisSentinel | Folder


def parse_claims_url(url: str) -> Place:
    """The address of the store in the URL. Raises BadClaimsUrl."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise BadClaimsUrl("it is not a URL") from None
    try:
        fields = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise BadClaimsUrl('it has a part after "?" that is not name=value; in a password, write %3F') from None
    read = READERS.get(parts.scheme)
    if read is None:
        raise BadClaimsUrl("its scheme is unknown")
    if parts.fragment:
        raise BadClaimsUrl('it contains "#"; in a password, write %23')
    return read(parts, fields)


def _server(parts: SplitResult, fields: dict[str, str]) -> RedisServer:
    tls = parts.scheme == "rediss"
    _only(fields, TLS_PARAMETERS if tls else ())
    login, rest = _login(parts.netloc)
    host, port = _host_port(rest, REDIS_PORT)
    files = [fields.get(name, "") for name in TLS_PARAMETERS]
    if bool(files[1]) != bool(files[2]):
        raise BadClaimsUrl("it has only one of ssl_certfile and ssl_keyfile")
    return RedisServer(host, port, _db(parts.path.removeprefix("/")), login, tls, *files)


def _socket(parts: SplitResult, fields: dict[str, str]) -> RedisSocket:
    _only(fields, ("db",))
    login, rest = _login(parts.netloc)
    if rest or not _is_absolute(parts.path):
        raise BadClaimsUrl("it needs the absolute path of a socket (unix:///path.sock)")
    return RedisSocket(unquote(parts.path), _db(fields.get("db", "")), login)


def _sentinel(parts: SplitResult, fields: dict[str, str]) -> RedisSentinel:
    _only(fields, SENTINEL_PARAMETERS)
    login, rest = _login(parts.netloc)
    service, _, db = parts.path.removeprefix("/").partition("/")
    if not SERVICE.fullmatch(service):
        raise BadClaimsUrl("it needs the name of the Sentinels' service after their addresses")
    sentinels = tuple(_host_port(each, SENTINEL_PORT) for each in rest.split(","))
    sentinel_login = Login(*(fields.get(name, "") for name in SENTINEL_PARAMETERS))
    return RedisSentinel(sentinels, service, _db(db), login, sentinel_login)


def _folder(parts: SplitResult, fields: dict[str, str]) -> Folder:
    _only(fields, ())
    if parts.netloc not in ("", "localhost") or not _is_absolute(parts.path):
        raise BadClaimsUrl("it needs the absolute path of a folder (file:///folder)")
    return Folder(Path(unquote(parts.path)))


def _is_absolute(path: str) -> bool:
    return path.startswith("/") and len(path) > 1


def _only(fields: dict[str, str], known: Sequence[str]) -> None:
    if not set(fields) <= set(known):
        accepted = ", ".join(known) or "none"
        raise BadClaimsUrl(f'it has an unknown parameter after "?" (accepted: {accepted}); in a password, write %3F')


def _login(netloc: str) -> tuple[Login, str]:
    before, _, rest = netloc.rpartition("@")
    username, _, password = before.partition(":")
    return Login(unquote(username), unquote(password)), rest


def _host_port(address: str, default: int) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", address)
    if match is None:
        raise BadClaimsUrl("it needs a host, or host:port")
    port = int(match[2] or default)
    if not 1 <= port <= 65535:
        raise BadClaimsUrl("its port is not within 1–65535")
    return match[1].strip("[]"), port


def _db(raw: str) -> int:
    if not re.fullmatch(r"[0-9]{0,5}", raw):
        raise BadClaimsUrl("its database is not a number from 0 to 99999")
    return int(raw or 0)


READERS: Final[Mapping[str, Callable[[SplitResult, dict[str, str]], Place]]] = {
    "redis": _server,
    "rediss": _server,
    "unix": _socket,
    "redis+sentinel": _sentinel,
    "file": _folder,
}
