"""The ASGI application: `uvicorn realtime_site.asgi:application`, or `manage.py serve`."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from asgiref.sync import markcoroutinefunction

from realtime_site import boot
from realtime_site.serving.asgi_types import Receive, Scope, Send

boot.configure()

from django.conf import settings  # noqa: E402  (needs a configured Django, as do the imports below)

from centrifugo_proxy.wiring.runtime import Runtime  # noqa: E402
from common.startup import StartupRefused  # noqa: E402
from fallback.loaded import loaded_pool  # noqa: E402
from realtime_site.lifespan import open_runtime  # noqa: E402
from realtime_site.serving.handler import LeanHandler  # noqa: E402
from realtime_site.serving.overload import OVERLOAD, Overload  # noqa: E402
from realtime_site.start_line import log_start  # noqa: E402

logger = logging.getLogger("realtime_site")


# How many young objects cause a garbage collection. Requests leave no reference cycles, so a collection finds nothing.
# Python 3.11's default of 700 causes a collection every few connects. With this value, a collection takes less than a
# millisecond.
YOUNG_OBJECTS: Final = 10_000


def freeze_startup_objects() -> None:
    """Move startup objects to the permanent generation, so that later collections skip them (docs/performance.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


class Application:
    """Runs the lifespan, which Django's handler does not support, and passes HTTP requests to our handler."""

    def __init__(
        self, runtime: AbstractAsyncContextManager[Runtime], on_started: Callable[[], None] = lambda: None
    ) -> None:
        self._runtime = runtime
        self._on_started = on_started
        self._handler: LeanHandler | None = None

    @markcoroutinefunction  # servers recognize an ASGI 3 application by this mark
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "http" and self._handler is not None:
            return self._handler(scope, receive, send)
        return self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope["state"], receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            raise RuntimeError(
                "The ASGI lifespan has not run: start uvicorn with --lifespan on, or use manage.py serve."
            )

    async def _live(self, state: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._runtime as state["runtime"]:
                self._handler = LeanHandler()  # after tracing is open: tracing adds a middleware
                state[OVERLOAD] = Overload(
                    state["runtime"],
                    allowed_hosts=settings.ALLOWED_HOSTS,
                    max_body_bytes=settings.PROXY_MAX_BODY_BYTES,
                )
                self._on_started()
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except asyncio.CancelledError:
            # A second Ctrl-C. Everything is closed, and the server expects no answer.
            logger.warning("shutdown was forced by a second signal")
        except StartupRefused as refused:
            await send({"type": "lifespan.startup.failed", "message": str(refused)})
        except Exception as error:
            logger.exception("startup failed" if self._handler is None else "shutdown failed")
            phase = "startup" if self._handler is None else "shutdown"
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})


def on_started() -> None:
    """Finish the startup: log the start line, and freeze the startup objects."""
    log_start(settings, loaded_pool())
    freeze_startup_objects()


boot.check()
application = Application(open_runtime(settings, loaded_pool()), on_started=on_started)
