"""Registers the checks."""

from django.apps import AppConfig


class CentrifugoProxyConfig(AppConfig):
    name = "centrifugo_proxy"

    def ready(self) -> None:
        from centrifugo_proxy.wiring import checks, variable_checks  # noqa: F401, PLC0415  (registers them)
