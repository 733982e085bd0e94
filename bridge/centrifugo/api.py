"""Centrifugo's HTTP API: one batch of commands per request."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import aiohttp
import orjson

from bridge.centrifugo.names import DaemonResolver
from bridge.commands import Command
from bridge.delivery.verdicts import (
    Failure,
    Outcome,
    Verdict,
    bad_reply,
    failure_of_connection,
    failure_of_status,
    verdicts,
)

# A load balancer usually closes idle connections after 60 s. The bridge closes them earlier, because a request on a
# connection that the load balancer has just closed would count as an outage.
IDLE_S: Final = 30.0
NO_HEADERS: Final[Mapping[str, str]] = {}
# The maximum length of an answer, and the addition for each channel or user. Centrifugo needs about 60 bytes for each.
MOST_BYTES: Final = 1 << 20
MOST_BYTES_EACH: Final = 256


class Api(Protocol):
    """Sends commands to Centrifugo."""

    async def send(
        self, commands: Sequence[Command], *, ordered: bool, headers: Mapping[str, str] = NO_HEADERS
    ) -> list[Verdict]:
        """One verdict per command. Raises Failure if the request as a whole has no usable answer.

        `ordered` is true if several commands share a key. Centrifugo then must run the commands one by one.
        """


class HttpApi:
    """The API at `url`, such as http://localhost:8000/api.

    If `parallel` is true, Centrifugo may run the commands of a batch concurrently, except in an `ordered` batch.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, *, parallel: bool) -> None:
        self._session = session
        self._batch_url = f"{url.rstrip('/')}/batch"
        self._info_url = f"{url.rstrip('/')}/info"
        self._parallel = parallel

    async def send(
        self, commands: Sequence[Command], *, ordered: bool, headers: Mapping[str, str] = NO_HEADERS
    ) -> list[Verdict]:
        """Implements `Api.send`."""
        head = b'{"parallel":true,"commands":[' if self._parallel and not ordered else b'{"commands":['
        body = head + b",".join([command.encoded for command in commands]) + b"]}"
        most = MOST_BYTES + MOST_BYTES_EACH * sum(len(command.keys) for command in commands)
        answer = await self._post(self._batch_url, body, headers, most)
        return verdicts(answer, commands)

    async def check(self) -> None:
        """Send a command without side effects. Raises Failure if the API does not answer as expected."""
        answer = await self._post(self._info_url, b"{}", NO_HEADERS, MOST_BYTES)
        if not isinstance(answer, dict) or "result" not in answer:
            raise bad_reply("a reply to info without a result")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], most_bytes: int) -> Any:
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                content = await _content(response, most_bytes)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _failure_of(error) from None
        if failure := failure_of_status(response.status):
            raise failure
        if content is None:
            raise bad_reply(f"more than {most_bytes} bytes")
        return _parsed(content)


async def _content(response: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    """The body; None if it is longer than `most_bytes`. The rest is not read, because it could fill the memory."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > most_bytes:
            response.close()
            return None
    return bytes(content)


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except ValueError:
        raise bad_reply(f"{len(content)} bytes that are not JSON") from None


def _failure_of(error: Exception) -> Failure:
    """The failure for a connection error. The error's text may quote the request, so only OpenSSL's reason is used."""
    match error:
        case TimeoutError():
            return Failure(Outcome.OUTAGE, "timeout", "no answer in time")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return _failure_of_tls(error)
        case aiohttp.ClientConnectorDNSError():
            return Failure(Outcome.OUTAGE, "dns", "the name of the host cannot be resolved")
        case aiohttp.ClientConnectorError():
            return failure_of_connection(error.errno)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return bad_reply("not an HTTP answer")
        case _:
            return Failure(Outcome.OUTAGE, "reset", "the connection broke")


def _failure_of_tls(error: Exception) -> Failure:
    """The failure for a TLS error. OpenSSL's reasons contain host names and certificate errors, never the request."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as refused):
            detail = f"its certificate is refused: {refused.verify_message}"
        case aiohttp.ClientConnectorSSLError(os_error=ssl.SSLError() as failed) | (ssl.SSLError() as failed):
            detail = f"the TLS handshake failed: {failed.reason}"
        case _:
            detail = "the TLS handshake failed"
    return Failure(Outcome.MISCONFIGURED, "misconfigured", detail)


@asynccontextmanager
async def open_api(
    url: str, *, key: str, timeout_s: float, requests: int, parallel: bool, ca_file: str = ""
) -> AsyncIterator[HttpApi]:
    """The API at `url`, with connections for `requests` concurrent requests and for one probe.

    `ca_file` is a PEM file; "" = the system's certificate authorities.
    """
    tls = await asyncio.to_thread(_tls, ca_file) if url.startswith("https:") else True
    # Answers are short, so compression gains nothing. The header makes a proxy in front of Centrifugo send them as is.
    plain = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    headers = {**plain, **({"X-API-Key": key} if key else {})}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=requests + 1, ssl=tls, keepalive_timeout=IDLE_S, resolver=DaemonResolver()
        ),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    ) as session:
        yield HttpApi(session, url, parallel=parallel)


def _tls(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)
