"""manage.py serve"""

import logging
import signal
import sys
from types import FrameType
from typing import Any, Final

import uvicorn
from django.conf import settings

from common import early_signals, log_output
from common.documented_command import DocumentedCommand
from common.listeners import BACKLOG, bound_sockets

KEEP_ALIVE_S: Final = 75  # Centrifugo keeps idle connections for later requests, and never closes them itself
SHUTDOWN_S: Final = 30
NOT_STARTED: Final = 3  # the exit code of uvicorn's own command

logger = logging.getLogger("uvicorn.error")  # shown at any LOG_LEVEL


class Command(DocumentedCommand):
    help = (
        "Run the service on LISTEN_HOST and LISTEN_PORT, until SIGTERM or Ctrl-C. "
        "At shutdown, requests in flight have 30 seconds to finish, spans are sent, and the exit code is 0. "
        "If the configuration is invalid or the port is in use, a message says so and the exit code is not 0. "
        "Each process has its own ticket pool and its own metrics. To scale the service, add replicas."
    )
    epilog = """\
exit codes:
  0  ended by a signal
  1  the configuration is invalid
  3  the server did not start, for example because the port is in use

example:
  LISTEN_PORT=9731 manage.py serve

docs/reference.md lists the environment variables."""
    requires_system_checks = []  # realtime_site.asgi runs them, so that plain uvicorn runs them too

    def handle(self, *args: Any, **options: Any) -> None:
        server = uvicorn.Server(server_config())
        end_by_signal(server)
        log_output.log_stray_exceptions()
        server.config.load()
        try:
            sockets = bound_sockets(settings.LISTEN_HOST, settings.LISTEN_PORT)
        except OSError as error:
            logger.error(error)
            sys.exit(NOT_STARTED)
        server.run(sockets)
        if not server.started:
            sys.exit(NOT_STARTED)


def server_config(shutdown_s: int = SHUTDOWN_S) -> uvicorn.Config:
    """uvicorn's configuration. At shutdown, requests in flight have `shutdown_s` seconds to be answered."""
    return uvicorn.Config(
        "realtime_site.asgi:application",
        backlog=BACKLOG,
        loop="uvloop",
        http="realtime_site.serving.http_protocol:HttpProtocol",
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=shutdown_s,
        access_log=False,
        log_config=None,
        workers=1,  # overrides WEB_CONCURRENCY: each worker would have a ticket pool of its own
        proxy_headers=False,
        server_header=False,
    )


def end_by_signal(server: uvicorn.Server) -> None:
    """Exit with 0 on SIGTERM or SIGINT. While uvicorn is still starting, exit at once; later, let uvicorn shut down.

    Without these handlers, the exit code would not be 0: uvicorn raises the signal again after its shutdown.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not server.started:
            early_signals.leave(0)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
