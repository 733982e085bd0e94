"""Parses connect requests.

https://centrifugal.dev/docs/server/proxy#connect-proxy
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from centrifugo_proxy.protocol.members import NotAnObject, TooManyTokens, members
from common.named_tuples import new_tuple
from common.tickets import MAX_TICKET_CHARACTERS

# If a client sends no `token`, a log line shows the names of the fields that it sent. These limits apply to the names,
# because a name must not reveal a ticket.
SHOWN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,23}")
SHOWN_NAMES: Final = 8
TYPES: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}
READ: Final = ("client", "transport", "protocol", "b64data")
UNREADABLE: Final = object()


class BadRequest(ValueError):
    """The body is not a request from Centrifugo. The message never quotes the body."""


class ConnectRequest(NamedTuple):
    """`ticket` is None if the client sent no usable ticket. `problem` then describes what the client sent."""

    client: str
    transport: str
    protocol: str
    ticket: str | None
    problem: str = ""


def parse_connect(body: bytes) -> ConnectRequest:
    """Parse a connect request. Unknown fields are ignored: minor releases of Centrifugo add some. Raises BadRequest.

    The client chooses `data` and `b64data`, so malformed content there is an invalid ticket, not a bad request.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_split(body)
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    data = fields.get("data")
    if data is None and "b64data" in fields:
        data = _decoded(fields["b64data"])
    return _request(fields, data)


def _parse_split(body: bytes) -> ConnectRequest:
    """Same as parse_connect, for a body that orjson refuses."""
    try:
        written = members(body)
    except NotAnObject:
        raise BadRequest("the body is not a JSON object") from None
    except TooManyTokens:
        return ConnectRequest("", "", "", None, "the body has too many JSON tokens")
    fields = {name: _read(text) for name, text in written.items() if name in READ}
    data = _read_object(written["data"]) if "data" in written else None
    if data is None and "b64data" in fields:
        data = _decoded(fields["b64data"])
    return _request(fields, data)


def _request(fields: Mapping[str, Any], data: Any) -> ConnectRequest:
    client, transport, protocol = fields.get("client", ""), fields.get("transport", ""), fields.get("protocol", "")
    if not (isinstance(client, str) and isinstance(transport, str) and isinstance(protocol, str)):
        name = next(name for name in ("client", "transport", "protocol") if not isinstance(fields.get(name, ""), str))
        raise BadRequest(f"{name} is not a string")
    ticket = data.get("token") if isinstance(data, dict) else None
    if isinstance(ticket, str) and 0 < len(ticket) <= MAX_TICKET_CHARACTERS:
        return new_tuple(ConnectRequest, (client, transport, protocol, ticket, ""))
    return ConnectRequest(client, transport, protocol, None, _problem(data))


def _decoded(b64data: Any) -> Any:
    """The data of a binary connect command. UNREADABLE if it is not JSON."""
    try:
        return _read_object(base64.b64decode(b64data, validate=True))
    except (TypeError, ValueError):
        return UNREADABLE


def _read(written: bytes) -> Any:
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        return UNREADABLE


def _read_object(written: bytes) -> Any:
    """Parse a value. If orjson refuses an object, only its names and the value of `token` are read."""
    value = _read(written)
    if value is not UNREADABLE:
        return value
    try:
        split = members(written)
    except (NotAnObject, TooManyTokens):
        return UNREADABLE
    return {name: _read(text) if name == "token" else UNREADABLE for name, text in split.items()}


def _problem(data: Any) -> str:
    """Describe for operators what a client sent instead of a ticket: names and types, but no values."""
    if data is None:
        return "there is no data"
    if not isinstance(data, dict):
        return f"data is {_type(data)}"
    if "token" not in data:
        return f"data has no token; its fields: {_names(data)}"
    token = data["token"]
    if token == "":
        return "data.token is empty"
    if isinstance(token, str):
        return f"data.token is longer than {MAX_TICKET_CHARACTERS} characters"
    return f"data.token is {_type(token)}"


def _type(value: Any) -> str:
    return "null" if value is None else TYPES.get(type(value), "not readable")


def _names(data: Mapping[str, Any]) -> str:
    shown = [name for name in data if SHOWN_NAME.fullmatch(name)][:SHOWN_NAMES]
    others = len(data) - len(shown)
    if not data:
        return "none"
    return ", ".join(shown + ([f"{others} more"] if others else []))
