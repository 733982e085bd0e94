"""Free TCP ports on loopback, for the processes that the demo, the bench and the tests start."""

import socket


def free_port() -> int:
    """A loopback port on which nothing listens now; another process may take it before it is used."""
    [port] = free_ports(1)
    return port


def free_ports(number: int) -> list[int]:
    """This many different loopback ports on which nothing listens now."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
