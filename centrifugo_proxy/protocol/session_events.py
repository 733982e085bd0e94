"""The requests of the session events: parsed without touching the client's data.

Apart from wire.py, so that a service without a policy does not load what only these need.
"""

import base64
from typing import Any, Final

import msgspec
import orjson

from centrifugo_proxy.protocol.connect import BadRequest

NOTHING: Final = msgspec.Raw(b"")


class EventRequest(msgspec.Struct, gc=False):
    """A request of any session event; each sends some of these. Unknown fields are ignored.

    `data` and `meta` are kept as they stand in the body: the one to be measured and handed on byte for byte, the other
    to be read by who knows what is in it (owner.py).
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
        """Whether data travels as base64, which is how Centrifugo sends what may not be JSON."""
        return self.b64data != "" or self.encoding == "binary"

    @property
    def without_meta(self) -> bool:
        """Whether Centrifugo does not say whose connection it is."""
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
_look_over = msgspec.json.Decoder(msgspec.Raw).decode


def parse_event(body: bytes) -> EventRequest:
    """A request of a session event. Raises BadRequest."""
    try:
        body.decode()  # what is kept as it stands is not looked into below
        return _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("the body is not such a request") from None


def data_fields(data: bytes, *, binary: bool) -> dict[str, Any]:
    """`data` of an rpc result, as it is. Raises ValueError when it is not JSON in UTF-8, but should be.

    Line ends stand between JSON's tokens only. Centrifugo takes out each line feed, but hands carriage returns on,
    and an SSE client takes one of those for the end of its frame: they become spaces.
    """
    if binary:
        return {"b64data": base64.b64encode(data).decode()}
    if not data:
        return {}
    data.decode()
    try:
        _look_over(data)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("the data is not JSON") from None
    return {"data": orjson.Fragment(data.replace(b"\r", b" "))}
