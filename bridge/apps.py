"""Makes the bridge's commands known to manage.py. Kafka's library is loaded by the commands that need it."""

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """Kafka to Centrifugo."""

    name = "bridge"
