"""The image's HEALTHCHECK: checks that the service in this container is alive.

`python -m realtime_site.healthcheck` checks the service at LISTEN_HOST and LISTEN_PORT.
`python -m realtime_site.healthcheck bridge` checks a bridge at BRIDGE_LISTEN_HOST and BRIDGE_LISTEN_PORT.
The exit code is 0 if /health/live answers 200. Otherwise it is 1, and stderr has the reason.
"""

import http.client
import sys
from collections.abc import Sequence
from typing import Final

from realtime_site.variables.env import Environment
from realtime_site.variables.hosts import local_address
from realtime_site.variables.listening import read_bridge_listening, read_listening

TIMEOUT_S: Final = 2.0


def problem(host: str, port: int, timeout_s: float = TIMEOUT_S) -> str:
    """The reason why the service on `host` and `port` is not alive; "" if it is."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/health/live")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from {host} port {port}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"{host} port {port} answered {status}"


def main(arguments: Sequence[str]) -> str:
    """Why the service at the configured address is not alive, or why the address is invalid; "" if it is alive."""
    env = Environment()
    host, port = (read_bridge_listening if "bridge" in arguments else read_listening)(env)
    return "\n".join(env.problems) or problem(local_address(host), port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
