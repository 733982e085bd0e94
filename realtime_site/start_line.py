"""The line that says, once at start, what runs here and how it is configured."""

import logging
from typing import TYPE_CHECKING, Final

from centrifugo_proxy.wiring.assembly import answered_events
from common.version import VERSION
from fallback.tickets import LoadedPool

if TYPE_CHECKING:
    from django.conf import LazySettings

OF_THE_BRIDGE: Final = ("BRIDGE_", "CENTRIFUGO_API_")

logger = logging.getLogger("realtime_site")


def log_start(settings: "LazySettings", loaded: LoadedPool) -> None:
    """Version, answered events, the pool, and every setting but the bridge's; of a secret only whether it is set."""
    logger.info(
        "realtime proxy started",
        extra={
            "version": VERSION,
            "answered_events": answered_events(settings),
            "pool_status": loaded.status,
            "pool_size": len(loaded.pool),
            "settings": {
                name: value for name, value in settings.EFFECTIVE_SETTINGS.items() if not name.startswith(OF_THE_BRIDGE)
            },
        },
    )
