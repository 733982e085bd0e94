"""Listening sockets that accept several connections in each iteration of the event loop.

libuv accepts only one connection per listening socket in each iteration. When many clients connect at once, each
iteration takes long, and new connections wait in the kernel for seconds. Health checks then wait too. Copies of a
socket share its queue, and each copy accepts one connection per iteration. docs/design/storms.md has reasons and
measurements.
"""

import socket
from typing import Final

from common.os_errors import network_reason

# How many connections are accepted in one iteration, for each address. A new connection wakes every copy, and each copy
# needs a system call. AT_ONCE is below the usual reserve of file descriptors (realtime_site/serving/descriptors.py), so
# one iteration does not use up the reserve.
AT_ONCE: Final = 16
# The kernel limits the queue to net.core.somaxconn. If the queue is full, a client's kernel tries again after a second.
BACKLOG: Final = 65_535


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to each address of `host`, with their copies; they do not listen yet. Raises OSError."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound.append(_bound(socket.socket(family, kind, protocol), address))
    except OSError as error:
        for each in bound:
            each.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {network_reason(error).lower()}") from None
    return [copy for each in bound for copy in with_copies(each)]


def with_copies(listener: socket.socket) -> list[socket.socket]:
    """The socket and its copies, AT_ONCE sockets in total."""
    return [listener, *(listener.dup() for _ in range(AT_ONCE - 1))]


def _bound(unbound: socket.socket, address: tuple[int | str | bytes, ...]) -> socket.socket:
    try:
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if unbound.family == socket.AF_INET6:
            unbound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        unbound.bind(address)
    except OSError:
        unbound.close()
        raise
    return unbound
