"""manage.py serve"""

import os
import signal
import sys
from types import FrameType
from typing import Any, Final

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

KEEP_ALIVE_S: Final = 75  # Centrifugo pools its connections and never closes an idle one first
SHUTDOWN_S: Final = 30
NOT_STARTED: Final = 3  # as of uvicorn's own command


class Command(BaseCommand):
    help = (
        "Serve Centrifugo's proxy requests under uvicorn, on LISTEN_HOST and LISTEN_PORT, until SIGTERM or Ctrl-C. "
        "Requests in flight are then answered (for at most 30 seconds) and queued spans sent, and the exit code is 0. "
        "A refused configuration or a port in use ends with a message and a non-zero code. "
        "One process is one ticket pool and one set of metrics: scale by replicas."
    )
    requires_system_checks = []  # realtime_site.asgi runs them, for plain uvicorn too

    def handle(self, *args: Any, **options: Any) -> None:
        server = uvicorn.Server(server_config())
        end_by_signal(server)
        server.config.load()
        server.run()
        if not server.started:
            sys.exit(NOT_STARTED)


def server_config(shutdown_s: int = SHUTDOWN_S) -> uvicorn.Config:
    """How uvicorn is to serve, on the settings' host and port; requests in flight have `shutdown_s` to be answered."""
    return uvicorn.Config(
        "realtime_site.asgi:application",
        host=settings.LISTEN_HOST,
        port=settings.LISTEN_PORT,
        loop="uvloop",
        http="realtime_site.serving.http_protocol:BoundedHeads",
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=shutdown_s,
        access_log=False,
        log_config=None,
        workers=1,  # whatever WEB_CONCURRENCY says: each worker would have a ticket pool of its own
        proxy_headers=False,
        server_header=False,
    )


def end_by_signal(server: uvicorn.Server) -> None:
    """End with 0 for a signal that uvicorn does not catch: before it serves at once, afterwards by having ended.

    It ends by raising the signal again; by then all is done, and the exit code should say so.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not server.started:
            os._exit(0)  # nothing is open yet; an exception could be lost, or leave a trace, wherever it is raised

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
