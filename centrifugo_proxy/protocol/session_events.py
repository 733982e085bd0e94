"""Parses the requests of the session events, but not the client's data in them.

This module is separate from connect.py, so that a service that answers only connect does not load it.
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
    """A request of any session event. Each event sends some of these fields. Unknown fields are ignored.

    `data` and `meta` keep their original bytes. The service measures `data` and forwards it unchanged. policy/owner.py
    reads `meta`.
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
        """True if data from the client and for the client must be JSON.

        Data that is not in base64 must be JSON. Data in base64 must be JSON if the client's protocol is JSON, because
        Centrifugo permanently disconnects such a client instead of sending it other data.
        """
        return not self.is_binary or (self.encoding == "binary" and self.protocol == "json")

    @property
    def without_meta(self) -> bool:
        """True if Centrifugo sent no `meta`, which describes the owner of the connection."""
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
    """A request of a session event. Raises BadRequest.

    A body with more than DEEPEST_REQUEST nested levels is also a bad request.
    """
    try:
        request = _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        request = _parse_split(body)
    if is_too_deep(body, DEEPEST_REQUEST):
        raise BadRequest("the body is nested too deeply")
    return request


def _parse_split(body: bytes) -> EventRequest:
    """Same as parse_event, for a body that msgspec refuses. The reason may be a field that the service does not use."""
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
    """True if the data is JSON in UTF-8 that msgspec accepts and that is not nested too deeply (`DEEPEST`).

    Half a surrogate pair, for example, is refused: Go accepts it, but the parsers of some clients do not.
    """
    try:
        data.decode()
        _validate(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return not is_too_deep(data)


def data_fields(data: bytes, request: EventRequest) -> dict[str, Any]:
    """The field with the backend's data in the result of an rpc request.

    Raises ValueError if the data must be JSON, but is not `readable_by_every_client`. In JSON, carriage returns become
    spaces: Centrifugo removes only line feeds, and an SSE client ends a frame at a carriage return. The spaces change
    nothing, because JSON can have a raw carriage return only between tokens.
    """
    if data and request.must_be_json:
        if not readable_by_every_client(data):
            raise ValueError("the data is not JSON")
        data = data.replace(b"\r", b" ")
    if request.is_binary:
        return {"b64data": base64.b64encode(data).decode()}
    return {"data": orjson.Fragment(data)} if data else {}
