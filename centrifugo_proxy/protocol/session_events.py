"""The requests of the session events: parsed without touching the client's data.

Apart from connect.py, so that a service without a policy does not load what only these need.
"""

import base64
from typing import Any, Final

import msgspec
import orjson

from centrifugo_proxy.protocol.connect import BadRequest
from centrifugo_proxy.protocol.members import members

NOTHING: Final = msgspec.Raw(b"")


class EventRequest(msgspec.Struct, gc=False):
    """A request of any session event; each sends some of these. Unknown fields are ignored.

    `data` and `meta` are kept as they are written in the body: `data` is measured and passed on byte for byte, `meta`
    is read by policy/owner.py.
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
        """Whether data travels as base64, as Centrifugo sends what may not be JSON."""
        return self.b64data != "" or self.encoding == "binary"

    @property
    def has_json(self) -> bool:
        """Whether there is data, and it is meant to be JSON."""
        return not self.is_binary and bytes(self.data) != b""

    @property
    def without_meta(self) -> bool:
        """Whether Centrifugo left out whose connection it is."""
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
    """A request of a session event. Raises BadRequest."""
    try:
        return _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_split(body)


def _parse_split(body: bytes) -> EventRequest:
    """As parse_event, for a body that msgspec refuses, perhaps because of something that is not read."""
    try:
        written = members(body)
        fields: dict[str, Any] = {
            name: msgspec.Raw(text) if name in AS_WRITTEN else _text(text)
            for name, text in written.items()
            if name in EventRequest.__struct_fields__
        }
    except ValueError:
        raise BadRequest("the body is not such a request") from None
    return EventRequest(**fields)


def _text(written: bytes) -> str:
    """A string. Raises ValueError for anything else."""
    value = orjson.loads(written)
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def readable_by_every_client(data: bytes) -> bool:
    """Whether strict parsers accept this JSON. Half a surrogate pair, for example, is accepted by Go alone."""
    try:
        data.decode()
        _validate(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def data_fields(data: bytes, *, binary: bool) -> dict[str, Any]:
    """The `data` of an rpc result, as it is. Raises ValueError when it should be JSON in UTF-8 and is not.

    Carriage returns become spaces: Centrifugo removes line feeds only, and an SSE client takes a carriage return for
    the end of its frame. In JSON they are between tokens, never inside one.
    """
    if binary:
        return {"b64data": base64.b64encode(data).decode()}
    if not data:
        return {}
    if not readable_by_every_client(data):
        raise ValueError("the data is not JSON")
    return {"data": orjson.Fragment(data.replace(b"\r", b" "))}
