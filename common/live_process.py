"""Queries live processes over HTTP: one GET, with limits for time and size, and without proxies or redirects."""

import asyncio
import json
import socket
import ssl
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import h11

from common.name_lookups import resolve
from common.os_errors import network_reason, reason

TIMEOUT_S: Final = 3.0
MAX_BYTES: Final = 65536
CHUNK_BYTES: Final = 65536
PORTS: Final = {"http": 80, "https": 443}


class QueryFailed(Exception):
    """There is no usable answer. The message has the reason and the remedy."""


class Unresolved(QueryFailed):
    """The host's name does not resolve, so no request was sent."""


class Response(NamedTuple):
    """A process's response, with any status."""

    status: int
    body: bytes


def base_url(url: str) -> str:
    """The URL of a process, such as http://host:9730, without a path.

    Accepts http(s)://host and http(s)://host:port, with or without the path /health. Raises QueryFailed for others.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in PORTS and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path.rstrip("/") not in ("", "/health") or parts.query or parts.fragment:
        shown = f" {url!r}" if url.isprintable() and "@" not in url else ""  # a password stands before an "@"
        raise QueryFailed(f"--url{shown} is not a URL of the service; accepted: a URL such as http://127.0.0.1:9730.")
    return f"{parts.scheme}://{parts.netloc}"


async def get_json(url: str, timeout_s: float = TIMEOUT_S) -> Any:
    """The parsed JSON of the response at `url`. Raises QueryFailed, also if the status is not 200."""
    status, body = await get(url, timeout_s)
    if status != 200:
        raise QueryFailed(_answered(url, status))
    try:
        return json.loads(body)
    except ValueError:
        raise QueryFailed(f"{url} did not answer in JSON; check that the host and port are this service's.") from None


async def get(url: str, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES) -> Response:
    """The whole response to a GET of `url`, within `timeout_s` seconds.

    Raises Unresolved if the host's name does not resolve, and QueryFailed for any other failure.
    """
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(timeout_s):
            return await _get(parts, max_bytes)
    except (socket.gaierror, UnicodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "not a host name"
        raise Unresolved(
            f"cannot resolve {parts.hostname} ({why}); check the name, and the resolver of this machine."
        ) from None
    except TimeoutError:
        raise QueryFailed(_unreachable(url, "timed out")) from None
    except OSError as error:
        raise QueryFailed(_unreachable(url, network_reason(error))) from None
    except h11.RemoteProtocolError:
        raise QueryFailed(f"{url} did not answer in HTTP; check that the host and port are this service's.") from None


async def _get(parts: SplitResult, max_bytes: int) -> Response:
    reader, writer = await _connected(parts)
    try:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", parts.netloc), ("Connection", "close")]
        request = h11.Request(method="GET", target=parts.path or "/", headers=headers)
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        return await _response(connection, reader, max_bytes)
    finally:
        writer.close()


async def _connected(parts: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the host: to the first address that accepts it. Raises OSError or UnicodeError."""
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    refused: OSError = OSError("no address")
    for address in await resolve(host, port):
        try:
            return await asyncio.open_connection(address, port, ssl=tls, server_hostname=host if tls else None)
        except OSError as error:
            refused = error
    raise refused


async def _response(connection: h11.Connection, reader: asyncio.StreamReader, max_bytes: int) -> Response:
    """The whole response. Raises OSError if the connection is reset or the response is too large. Raises
    h11.RemoteProtocolError if the response is cut off or is not HTTP.
    """
    status, body = 0, b""
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK_BYTES))
            case h11.Response(status_code=code):
                status = code
            case h11.Data(data=data) if len(body) + len(data) <= max_bytes:
                body += data
            case h11.Data():
                raise OSError(f"more than {max_bytes} bytes")
            case h11.EndOfMessage():
                return Response(status, body)
            case h11.ConnectionClosed() | h11.PAUSED:
                raise OSError("the connection was closed")


def not_this_service(url: str) -> QueryFailed:
    """The exception for a JSON answer at `url` that is not the /health of this service."""
    return QueryFailed(f"{url} is not this service's /health; check the host and the port.")


def _answered(url: str, status: int) -> str:
    wrong_place = "check that the host and port are this service's"
    on_the_way = "check the proxies between this machine and the process, or query the pod directly"
    return f"{url} answered {status}; {wrong_place if status == 404 else on_the_way}."


def _unreachable(url: str, reason: str) -> str:
    return (
        f"no answer from {url} ({reason}); check that the process runs and that the port can be reached from here, "
        "for example with kubectl port-forward pod/NAME 9730."
    )
