"""The bridge as a Django app. Kafka's library is loaded by the commands that need it."""

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """The bridge from Kafka to Centrifugo."""

    name = "bridge"

    def ready(self) -> None:
        from bridge import checks  # noqa: F401, PLC0415  (registers them)
