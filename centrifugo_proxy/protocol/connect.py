"""The shapes that travel between Centrifugo and us, and nothing else: parse and render.

https://centrifugal.dev/docs/server/proxy#connect-proxy
"""

import base64
import binascii
from typing import Any, NamedTuple

import orjson

MAX_TICKET_CHARACTERS = 4096


class BadRequest(ValueError):
    """The body is not what Centrifugo sends. The message holds nothing of the body."""


class ConnectRequest(NamedTuple):
    """`ticket` is None when the client sent nothing that could be one."""

    client: str
    transport: str
    protocol: str
    ticket: str | None


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
