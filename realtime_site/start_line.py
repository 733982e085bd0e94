"""The log line at startup: the version, the state and the settings of the service."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from centrifugo_proxy.wiring.assembly import answered_events
from common.version import VERSION
from fallback.tickets import LoadedPool

if TYPE_CHECKING:
    from django.conf import LazySettings

OF_THE_BRIDGE: Final = ("BRIDGE_", "CENTRIFUGO_API_")

logger = logging.getLogger("realtime_site")


def log_start(settings: "LazySettings", loaded: LoadedPool) -> None:
    """Log the version, the answered events, the pool, and all settings except the bridge's. Secrets are never logged.

    `given` has the settings that the environment sets. A terminal shows only these settings.
    """
    logger.info(
        "realtime proxy started",
        extra={
            "version": VERSION,
            "answered_events": answered_events(settings),
            "pool_status": loaded.status,
            "pool_size": len(loaded.pool),
            "given": _own(settings.GIVEN_SETTINGS),
            "settings": _own(settings.EFFECTIVE_SETTINGS),
        },
    )


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if not name.startswith(OF_THE_BRIDGE)}
