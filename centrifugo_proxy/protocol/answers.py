"""The answers that Centrifugo understands, and their rendering as JSON.

https://centrifugal.dev/docs/server/proxy#connect-proxy
"""

from typing import Any, NamedTuple

import orjson

from centrifugo_proxy.protocol import codes


class Result(NamedTuple):
    """Accepted: the `result` branch."""

    fields: dict[str, Any]


class Disconnect(NamedTuple):
    """Close the connection: the `disconnect` branch."""

    code: int
    reason: str


class Error(NamedTuple):
    """Refuse the command: the `error` branch. `temporary` makes SDKs connect or subscribe again."""

    code: int
    message: str
    temporary: bool = False


Answer = Result | Disconnect | Error


def disconnect(code: int, reason: str) -> Disconnect:
    """A disconnect that Centrifugo accepts. Its reason has at most 123 bytes. Raises ValueError for a bad code."""
    if code not in codes.DISCONNECT_CODES:
        raise ValueError(f"disconnect code {code} is outside 3000–4999")
    encoded = reason.encode()
    if len(encoded) > codes.CLOSE_REASON_BYTES:
        reason = encoded[: codes.CLOSE_REASON_BYTES].decode(errors="ignore")
    return Disconnect(code, reason)


def render(answer: Answer) -> bytes:
    """The body: an object with exactly one of `result`, `error` and `disconnect`.

    A match statement would take up to four times as long. CPython 3.11 would also cache many copies of the string
    `__match_args__`, which would look like a memory leak.
    """
    if isinstance(answer, Result):
        return orjson.dumps({"result": answer.fields})
    if isinstance(answer, Disconnect):
        return orjson.dumps({"disconnect": {"code": answer.code, "reason": answer.reason}})
    error = {"code": answer.code, "message": answer.message}
    return orjson.dumps({"error": {**error, "temporary": True} if answer.temporary else error})
