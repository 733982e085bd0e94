"""Free TCP ports on loopback, for the processes that the demo, the bench and the tests start."""

import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import Final

# By default, Linux uses the ports from 32768 on for outgoing connections. If a server used such a port, another process
# could take the port while the server restarts.
CHOICES: Final = range(10_000, 32_768)
# The value "K/N" limits a process and its child processes to the K-th of N parts of CHOICES; K counts from 0. Without
# this variable, two processes may choose the same port before one of them uses it.
PART_VARIABLE: Final = "FREE_PORTS_PART"


def free_port() -> int:
    """A loopback port on which nothing listens now. Another process may take it before the caller uses it."""
    [port] = free_ports(1)
    return port


def free_ports(number: int) -> list[int]:
    """`number` different loopback ports on which nothing listens now."""
    probes = [_bound() for _ in range(number)]
    try:
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _bound() -> socket.socket:
    """A socket that is bound to the next port of this process on which nothing listens."""
    while True:
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", next(_ours())))
        except OSError:
            probe.close()
        else:
            return probe


@cache
def _ours() -> Iterator[int]:
    return ports_of(os.environ.get(PART_VARIABLE, "0/1"))


def ports_of(part: str) -> Iterator[int]:
    """The ports of a part, such as "0/4", in a random order. They are repeated after all of them have been returned."""
    number, _, parts = part.partition("/")
    ports = list(CHOICES[int(number) :: int(parts)])
    random.SystemRandom().shuffle(ports)
    return cycle(ports)
