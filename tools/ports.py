"""Free TCP ports on loopback, for the processes that the demo, the bench and the tests start."""

import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import Final

# By default, Linux gives outgoing connections ports from 32768 on. A server that restarts on one may find it taken.
CHOICES: Final = range(10_000, 32_768)
# "K/N" limits this process, and the processes that inherit it, to the K-th of N parts of CHOICES; K counts from 0.
# Without it, two processes may choose the same port before either uses it.
PART_VARIABLE: Final = "FREE_PORTS_PART"


def free_port() -> int:
    """A loopback port on which nothing listens now; another process may take it before it is used."""
    [port] = free_ports(1)
    return port


def free_ports(number: int) -> list[int]:
    """This many different loopback ports on which nothing listens now."""
    probes = [_bound() for _ in range(number)]
    try:
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _bound() -> socket.socket:
    """A socket that is bound to the next of our ports on which nothing listens."""
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
    """The ports of a part, "K/N", in a random order. A port is repeated only after all others."""
    number, _, parts = part.partition("/")
    ports = list(CHOICES[int(number) :: int(parts)])
    random.SystemRandom().shuffle(ports)
    return cycle(ports)
