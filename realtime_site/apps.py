"""Registers the checks of the site's own variables."""

from django.apps import AppConfig


class RealtimeSiteConfig(AppConfig):
    name = "realtime_site"

    def ready(self) -> None:
        from realtime_site.variables import trace_checks  # noqa: F401, PLC0415  (the import registers the checks)
