"""Listening sockets and their copies."""

import asyncio
import errno
import socket

import pytest
import uvloop

from common.listeners import AT_ONCE, bound_sockets
from tools.ports import free_port


class Counted(asyncio.Protocol):
    """Counts the connections of each iteration of the event loop."""

    def __init__(self, iterations: list[int]) -> None:
        self._iterations = iterations

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._iterations[-1] += 1
        transport.close()


async def accepted_by_iteration(waiting: int) -> list[int]:
    """How many connections each iteration of the event loop accepts while `waiting` connections wait."""
    loop, iterations, port = asyncio.get_running_loop(), [0], free_port()
    servers = [
        await loop.create_server(lambda: Counted(iterations), sock=each) for each in bound_sockets("127.0.0.1", port)
    ]
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(waiting)]
    async with asyncio.timeout(20):
        while sum(iterations) < waiting:
            iterations.append(0)
            await asyncio.sleep(0)
    for client in clients:
        client.close()
    for server in servers:
        server.close()
    return iterations


def test_uvloop_accepts_many_connections_in_one_iteration_of_its_event_loop() -> None:
    iterations = uvloop.run(accepted_by_iteration(AT_ONCE + 10))

    assert (sum(iterations), max(iterations)) == (AT_ONCE + 10, AT_ONCE)


def test_a_name_is_bound_at_each_of_its_addresses() -> None:
    port = free_port()
    wanted = {entry[4] for entry in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}

    sockets = bound_sockets("localhost", port)

    assert {each.getsockname() for each in sockets} == wanted
    assert len(sockets) == AT_ONCE * len(wanted)
    for each in sockets:
        each.close()


def test_the_error_for_a_port_in_use_names_the_port() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: address already in use") as raised:
            bound_sockets("127.0.0.1", port)

    assert raised.value.errno == errno.EADDRINUSE


def test_the_error_for_a_host_without_an_address_names_the_host() -> None:
    with pytest.raises(OSError, match=r"cannot listen on nowhere\.invalid port 9730: "):
        bound_sockets("nowhere.invalid", 9730)
