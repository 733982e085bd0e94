"""The kernel's state of a connection, which the event loop may not have seen yet: struct tcp_info, and FIONREAD."""

import asyncio
import fcntl
import socket
import sys
import termios
from typing import Final, NamedTuple

CLOSED: Final = 7  # TCP_CLOSE: the other end has reset the connection
CLOSE_WAIT: Final = 8  # TCP_CLOSE_WAIT: the other end has finished sending
SINCE_DATA: Final = slice(52, 56)  # tcpi_last_data_recv, in milliseconds


class SocketState(NamedTuple):
    """`state` is one of the kernel's TCP states; `since_data_s` are the seconds since bytes last arrived."""

    state: int
    since_data_s: float


UNKNOWN: Final = SocketState(0, 0.0)


def socket_state(transport: asyncio.Transport) -> SocketState:
    """The state of the transport's socket; UNKNOWN if it is closed or not TCP. Each call makes a system call."""
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SINCE_DATA.stop)
    except (OSError, ValueError):  # a Unix socket, or a closed socket
        return UNKNOWN
    return SocketState(info[0], int.from_bytes(info[SINCE_DATA], "little") / 1000)


def unread_bytes(transport: asyncio.Transport) -> int:
    """The number of bytes that have arrived and that the event loop has not read; 0 if the socket is closed."""
    try:
        number = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(number, sys.byteorder)
