"""The bridge as a Django app. Only the commands that need Kafka's library import it."""

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """The bridge from Kafka to Centrifugo."""

    name = "bridge"

    def ready(self) -> None:
        from bridge import checks  # noqa: F401, PLC0415  (the import registers the checks)
