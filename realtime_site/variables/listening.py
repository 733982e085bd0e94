"""The addresses on which the service and the bridge listen. The settings and the health check read them."""

from typing import NamedTuple

from realtime_site.variables.env import Environment
from realtime_site.variables.hosts import bind_address


class Listening(NamedTuple):
    """An address or a name, and a port."""

    host: str
    port: int


def read_listening(env: Environment) -> Listening:
    """LISTEN_HOST and LISTEN_PORT."""
    return _read(env, "", 9730)


def read_bridge_listening(env: Environment) -> Listening:
    """BRIDGE_LISTEN_HOST and BRIDGE_LISTEN_PORT."""
    return _read(env, "BRIDGE_", 9731)


def _read(env: Environment, prefix: str, port: int) -> Listening:
    host = env.value(f"{prefix}LISTEN_HOST", "0.0.0.0", bind_address)  # noqa: S104  (a pod's port is meant to be reached)
    return Listening(host, env.integer(f"{prefix}LISTEN_PORT", port, 1, 65535))
