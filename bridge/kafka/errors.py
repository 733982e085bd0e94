"""Kafka's errors for the rest of the bridge, without the library's types."""


class NotDelivered(Exception):
    """Kafka has not confirmed the message, but may have it: a retry can repeat it.

    `too_large` is true if the message is larger than Kafka or the library accepts.
    """

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large


class KafkaRefused(Exception):
    """Kafka refuses permanently: this process cannot continue to read."""


class PropertyRefused(Exception):
    """The library accepts no client with these properties.

    The message says which settings to check. It names the property if the library does.
    """


class KafkaUnreachable(Exception):
    """Kafka does not answer, or answers with an error. The message is librdkafka's name of the error."""
