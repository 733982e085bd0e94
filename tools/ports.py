"""Free TCP ports on loopback, for the processes that the demo, the bench and the tests start."""

import secrets
import socket
from typing import Final

# Linux gives outgoing connections ports from 32768 on. A server that restarts on such a port may find it taken.
CHOICES: Final = range(10_000, 32_768)


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
    """A socket that is bound to a random port of CHOICES."""
    while True:
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", secrets.choice(CHOICES)))
        except OSError:
            probe.close()
        else:
            return probe
