"""The kernel's state of a connection."""

import asyncio
import socket

from realtime_site.serving.socket_state import UNKNOWN, socket_state, unread_bytes


class ClosedSocket:
    """The socket of a closed transport of uvloop, which raises ValueError instead of OSError."""

    def fileno(self) -> int:
        return -1

    def getsockopt(self, *options: int) -> bytes:
        raise ValueError("negative file descriptor")


def test_nothing_is_known_about_a_closed_socket() -> None:
    transport = asyncio.Transport({"socket": ClosedSocket()})

    assert (socket_state(transport), unread_bytes(transport)) == (UNKNOWN, 0)


def test_bytes_that_have_not_been_read_are_counted() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"four")

        assert unread_bytes(asyncio.Transport({"socket": ours})) == 4
