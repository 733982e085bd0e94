"""Those parts of the WebSocket protocol that a client of Centrifugo needs: https://www.rfc-editor.org/rfc/rfc6455."""

import json
from typing import Any, Final, NamedTuple

TEXT, CLOSE = 0x1, 0x8
SHORT, MEDIUM = 126, 0xFFFF
# A client must send a mask. A mask of zeros does not change the payload. Zeros are enough here, because the mask
# protects proxies, and no proxy is used.
MASKED: Final = 0x80
NO_MASK: Final = bytes(4)
ORIGIN: Final = "http://bench.test"


class Frame(NamedTuple):
    """A complete frame from the server."""

    opcode: int
    payload: bytes


def handshake(port: int) -> bytes:
    """The request that opens a connection to Centrifugo on loopback. Its key is constant, because the clients do not
    check the answer to the key.
    """
    return (
        f"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {ORIGIN}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def text_frame(payload: bytes) -> bytes:
    """A text frame from the client. Raises ValueError for a payload of more than 65,535 bytes."""
    size = len(payload)
    if size > MEDIUM:
        raise ValueError(f"the payload has {size} bytes; at most {MEDIUM} are supported")
    length = bytes([MASKED | size]) if size < SHORT else bytes([MASKED | SHORT]) + size.to_bytes(2, "big")
    return bytes([0x80 | TEXT]) + length + NO_MASK + payload


def command_frame(command: dict[str, Any]) -> bytes:
    """A text frame with a command of Centrifugo's JSON protocol."""
    return text_frame(json.dumps(command).encode())


def take_frame(received: bytes) -> tuple[Frame, bytes] | None:
    """The first frame in `received`, and the bytes after it. None if the frame is not complete yet."""
    if len(received) < 2:
        return None
    size, start = received[1] & 0x7F, 2
    if size >= SHORT:
        start += 2 if size == SHORT else 8
        size = int.from_bytes(received[2:start], "big")
    end = start + size
    if len(received) < end:
        return None
    return Frame(received[0] & 0x0F, received[start:end]), received[end:]


def close_code(frame: Frame) -> int:
    """The code of a close frame; 1005 if the frame has no code."""
    return int.from_bytes(frame.payload[:2], "big") if len(frame.payload) >= 2 else 1005
