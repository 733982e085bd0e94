"""The shapes that travel between Centrifugo and us, and nothing else: parse and render.

https://centrifugal.dev/docs/server/proxy#connect-proxy
"""

import base64
import binascii
from typing import Any, NamedTuple

import orjson

from centrifugo_proxy import codes

MAX_TICKET_CHARACTERS = 4096


class BadRequest(ValueError):
    """The body is not what Centrifugo sends. The message holds nothing of the body."""


class ConnectRequest(NamedTuple):
    """`ticket` is None when the client sent nothing that could be one."""

    client: str
    transport: str
    protocol: str
    ticket: str | None


class Result(NamedTuple):
    """Let in: the `result` branch."""

    fields: dict[str, Any]


class Disconnect(NamedTuple):
    """Close the connection: the `disconnect` branch."""

    code: int
    reason: str


class Error(NamedTuple):
    """Refuse the command: the `error` branch. `temporary` lets the SDK try again."""

    code: int
    message: str
    temporary: bool = False


Answer = Result | Disconnect | Error


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; BadRequest for anything else."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("the body is not JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise BadRequest("the body is not a JSON object")
    return parsed


def parse_connect(body: bytes) -> ConnectRequest:
    """A connect request; unknown fields are ignored, as minor releases of Centrifugo add some."""
    fields = parse_object(body)
    return ConnectRequest(
        text_field(fields, "client"), text_field(fields, "transport"), text_field(fields, "protocol"), _ticket(fields)
    )


def text_field(fields: dict[str, Any], name: str) -> str:
    """The string under `name`, "" when absent; BadRequest for another type."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(f"{name} is not a string")
    return value


def _ticket(fields: dict[str, Any]) -> str | None:
    data = fields.get("data")
    if data is None and "b64data" in fields:
        data = _decoded(fields["b64data"])
    ticket = data.get("token") if isinstance(data, dict) else None
    if isinstance(ticket, str) and 0 < len(ticket) <= MAX_TICKET_CHARACTERS:
        return ticket
    return None


def _decoded(b64data: Any) -> Any:
    """What the client put into a binary connect command; None when it is not JSON.

    The client chooses these bytes, so that nonsense here is its invalid ticket, not a bad request.
    """
    try:
        return orjson.loads(base64.b64decode(b64data, validate=True))
    except (TypeError, ValueError, binascii.Error):
        return None


def disconnect(code: int, reason: str) -> Disconnect:
    """A disconnect that Centrifugo can carry out; ValueError for another code, long reasons are cut."""
    if code not in codes.DISCONNECT_CODES:
        raise ValueError(f"disconnect code {code} is outside 3000–4999")
    encoded = reason.encode()
    if len(encoded) > codes.CLOSE_REASON_BYTES:
        reason = encoded[: codes.CLOSE_REASON_BYTES].decode(errors="ignore")
    return Disconnect(code, reason)


def render(answer: Answer) -> bytes:
    """The body: an object with exactly one of `result`, `error` and `disconnect`."""
    match answer:
        case Result(fields):
            return orjson.dumps({"result": fields})
        case Disconnect(code, reason):
            return orjson.dumps({"disconnect": {"code": code, "reason": reason}})
        case Error(code, message, temporary):
            error = {"code": code, "message": message}
            return orjson.dumps({"error": {**error, "temporary": True} if temporary else error})
