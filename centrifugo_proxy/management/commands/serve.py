"""manage.py serve"""

import signal
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

KEEP_ALIVE_S = 75  # Centrifugo pools its connections and never closes an idle one first
SHUTDOWN_S = 30


class Command(BaseCommand):
    help = (
        "Serve Centrifugo's proxy requests under uvicorn, on LISTEN_HOST and LISTEN_PORT, until SIGTERM or Ctrl-C. "
        "Requests in flight are then answered (for at most 30 seconds) and queued spans sent, and the exit code is 0. "
        "A refused configuration or a port in use ends with a message and a non-zero code. "
        "One process is one ticket pool and one set of metrics: scale by replicas."
    )
    requires_system_checks = []  # realtime_site.asgi runs them, for plain uvicorn too

    def handle(self, *args: Any, **options: Any) -> None:
        # uvicorn ends by raising the signal again; by then all is done, and the exit code should say so.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        uvicorn.run(
            "realtime_site.asgi:application",
            host=settings.LISTEN_HOST,
            port=settings.LISTEN_PORT,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            access_log=False,
            log_config=None,
            workers=1,  # whatever WEB_CONCURRENCY says: each worker would have a ticket pool of its own
            proxy_headers=False,
            server_header=False,
        )
