"""Registers the system checks."""

from django.apps import AppConfig


class CentrifugoProxyConfig(AppConfig):
    name = "centrifugo_proxy"

    def ready(self) -> None:
        from centrifugo_proxy.wiring import (  # noqa: PLC0415  (registers them)
            checks,  # noqa: F401
            spiffe_checks,  # noqa: F401
            variable_checks,  # noqa: F401
        )
