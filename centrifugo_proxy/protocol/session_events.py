"""The requests of the session events: parsed without touching the client's data.

Separate from connect.py, so that a service that answers only connect does not load modules for the other events.
"""

import base64
from typing import Any, Final

import msgspec
import orjson

from centrifugo_proxy.protocol.connect import BadRequest
from centrifugo_proxy.protocol.members import members
from centrifugo_proxy.protocol.nesting import DEEPEST_REQUEST, is_too_deep

NOTHING: Final = msgspec.Raw(b"")


class EventRequest(msgspec.Struct, gc=False):
    """A request of any session event. Each event sends some of these fields; unknown fields are ignored.

    `data` and `meta` keep their original bytes: `data` is measured and forwarded unchanged, `meta` is read by
    policy/owner.py.
    """

    client: str = ""
    transport: str = ""
    protocol: str = ""
    encoding: str = ""
    user: str = ""
    channel: str = ""
    method: str = ""
    meta: msgspec.Raw = NOTHING
    data: msgspec.Raw = NOTHING
    b64data: str = ""

    @property
    def is_binary(self) -> bool:
        """True if the data is in base64, as Centrifugo sends it with `binary_encoding`."""
        return self.b64data != "" or self.encoding == "binary"

    @property
    def must_be_json(self) -> bool:
        """True if the client's data, and data for the client, must be JSON: without base64 always, in base64 if the
        client's protocol is JSON. Centrifugo permanently disconnects a client of that protocol instead of sending it
        other data.
        """
        return not self.is_binary or (self.encoding == "binary" and self.protocol == "json")

    @property
    def without_meta(self) -> bool:
        """True if Centrifugo sent no `meta`, which names the connection's owner."""
        return bytes(self.meta) in (b"", b"null")

    def payload(self) -> bytes:
        """The client's data, byte for byte. Raises BadRequest."""
        if not self.b64data:
            return bytes(self.data)
        try:
            return base64.b64decode(self.b64data, validate=True)
        except ValueError:
            raise BadRequest("b64data is not base64") from None


_decode_event = msgspec.json.Decoder(EventRequest).decode
_validate = msgspec.json.Decoder(msgspec.Raw).decode
AS_WRITTEN: Final = frozenset({"meta", "data"})


def parse_event(body: bytes) -> EventRequest:
    """A request of a session event. Raises BadRequest, also for a body with more than DEEPEST_REQUEST nested levels."""
    try:
        request = _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        request = _parse_split(body)
    if is_too_deep(body, DEEPEST_REQUEST):
        raise BadRequest("the body is nested too deeply")
    return request


def _parse_split(body: bytes) -> EventRequest:
    """Same as parse_event, for a body that msgspec refuses, possibly because of a field that is not used."""
    try:
        written = members(body)
        fields: dict[str, Any] = {
            name: msgspec.Raw(text) if name in AS_WRITTEN else _text(text)
            for name, text in written.items()
            if name in EventRequest.__struct_fields__
        }
    except ValueError:
        raise BadRequest("the body is not a request of a session event") from None
    return EventRequest(**fields)


def _text(written: bytes) -> str:
    """A string. Raises ValueError for anything else."""
    value = orjson.loads(written)
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def readable_by_every_client(data: bytes) -> bool:
    """True if msgspec accepts this JSON in UTF-8, and it is not nested too deeply (`DEEPEST`).

    Half a surrogate pair, for example, is refused: Go accepts it, but some clients' parsers do not.
    """
    try:
        data.decode()
        _validate(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return not is_too_deep(data)


def data_fields(data: bytes, request: EventRequest) -> dict[str, Any]:
    """The field of the result of an rpc request with the backend's data. Raises ValueError for data that must be JSON
    but is not `readable_by_every_client`.

    In JSON, carriage returns become spaces: Centrifugo removes only line feeds, and an SSE client ends a frame at a
    carriage return. A raw carriage return can only be between tokens.
    """
    if data and request.must_be_json:
        if not readable_by_every_client(data):
            raise ValueError("the data is not JSON")
        data = data.replace(b"\r", b" ")
    if request.is_binary:
        return {"b64data": base64.b64encode(data).decode()}
    return {"data": orjson.Fragment(data)} if data else {}
