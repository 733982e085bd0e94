"""Where the service listens: read by the settings and by the health check."""

from typing import NamedTuple

from realtime_site.env import Environment
from realtime_site.hosts import bind_address


class Listening(NamedTuple):
    """An address or a name, and a port."""

    host: str
    port: int


def read_listening(env: Environment) -> Listening:
    """LISTEN_HOST and LISTEN_PORT."""
    host = env.value("LISTEN_HOST", "0.0.0.0", bind_address)  # noqa: S104  (a pod's port is meant to be reached)
    return Listening(host, env.integer("LISTEN_PORT", 9730, 1, 65535))
