"""The errors of Kafka as the rest of the bridge sees them, without the library's types."""


class NotDelivered(Exception):
    """The broker does not have the message. `too_large` if it never will in this size."""

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large


class KafkaRefused(Exception):
    """Kafka refuses for good: reading cannot go on in this process."""


class KafkaUnreachable(Exception):
    """Kafka does not answer, or not what was asked. The message is librdkafka's name of the error."""
