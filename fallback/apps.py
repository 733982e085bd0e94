"""Loads the pool once, while Django starts."""

from django.apps import AppConfig
from django.conf import settings

from fallback import tickets


class FallbackConfig(AppConfig):
    """Holds the `LoadedPool` of the settings. The system checks report its problems."""

    name = "fallback"
    loaded: tickets.LoadedPool

    def ready(self) -> None:
        from fallback import checks  # noqa: F401, PLC0415  (the import registers the checks)

        self.loaded = tickets.load(settings.FALLBACK_TICKETS_PATH, settings.FALLBACK_LOW_WATERMARK)
