"""The frames of the storm's clients, compared with the websockets package."""

import pytest
from websockets.frames import Frame as ReferenceFrame
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from bench.parts.websocket import CLOSE, TEXT, Frame, close_code, handshake, take_frame, text_frame


def served() -> ServerProtocol:
    """A server that has accepted the handshake of a storm's client."""
    server = ServerProtocol()
    server.receive_data(handshake(8000))
    [request] = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]  # the first event is the request
    server.data_to_send()
    return server


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535])
def test_a_server_can_read_the_frames_of_a_storms_client(size: int) -> None:
    server = served()

    server.receive_data(text_frame(b"x" * size))

    assert [(event.opcode, bytes(event.data)) for event in frames(server)] == [(Opcode.TEXT, b"x" * size)]


def frames(server: ServerProtocol) -> list[ReferenceFrame]:
    return [event for event in server.events_received() if isinstance(event, ReferenceFrame)]


def test_a_frame_of_more_than_65535_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="the payload has 65536 bytes; at most 65535"):
        text_frame(bytes(65_536))


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_from_the_server_is_read_only_when_it_is_complete(size: int) -> None:
    sent = ReferenceFrame(Opcode.TEXT, b"y" * size).serialize(mask=False)

    assert all(take_frame(sent[:end]) is None for end in {0, 1, 2, len(sent) - 1} - {len(sent)})
    assert take_frame(sent + b"more") == (Frame(TEXT, b"y" * size), b"more")


def test_the_code_of_a_close_frame_is_read() -> None:
    assert close_code(Frame(CLOSE, (3501).to_bytes(2, "big") + b"bad request")) == 3501
    assert close_code(Frame(CLOSE, b"")) == 1005
