"""Kafka's errors for the rest of the bridge, without the library's types."""

from typing import Final

from bridge.delivery.work import Partition

NO_RIGHT: Final = "AUTHORIZATION_FAILED"  # the names of Kafka's errors about missing rights end with it
RIGHTS: Final = "docs/bridge-operations.md (Security)"
_BROKERS_AT_FAULT: Final = (
    "LEADER_NOT_AVAILABLE",
    "NOT_LEADER_FOR_PARTITION",
    "FENCED_LEADER_EPOCH",
    "UNKNOWN_LEADER_EPOCH",
    "OFFSET_NOT_AVAILABLE",
    "KAFKA_STORAGE_ERROR",
    "COORDINATOR_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR",
    "_MSG_TIMED_OUT",
    # These errors of the library are about one partition or group, whose name comes first in the message. Kafka has
    # just answered other requests, so it can be reached.
    ": _TIMED_OUT",
    ": _TRANSPORT",
    ": _ALL_BROKERS_DOWN",
)


class NotDelivered(Exception):
    """Kafka has not confirmed the message, but may have stored it: a retry can write it twice.

    `too_large` is true if the message is larger than Kafka or the library accepts.
    """

    def __init__(self, reason: str, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.too_large = too_large


class KafkaRefused(Exception):
    """A permanent refusal by Kafka: this process cannot continue to read."""


class PropertyRefused(Exception):
    """The library cannot make a client with these properties.

    The message says which settings to check. It contains the property's name if the library's error contains it.
    """


class KafkaUnreachable(Exception):
    """Kafka does not answer, or answers with an error.

    The message is librdkafka's name of the error. If the error is about one topic, partition or group, the message
    begins with the name of the topic, partition or group.
    """


def at(partition: Partition, error: str) -> str:
    """The message about an error of one partition."""
    return f"{partition.topic}:{partition.number}: {error}"


def problem(error: str) -> str:
    """The end of a sentence that begins with Kafka's address: what Kafka does, the error name, and what to check."""
    if error.endswith(NO_RIGHT):
        return f"refuses access ({error}). Give this user the rights that are listed in {RIGHTS}."
    if error.endswith("_AUTHENTICATION"):
        settings = "BRIDGE_KAFKA_SASL_MECHANISM, BRIDGE_KAFKA_SASL_USER and BRIDGE_KAFKA_SASL_PASSWORD"
        return f"refuses the user or the password ({error}). Check {settings}."
    if error.endswith("_SSL"):
        settings = "BRIDGE_KAFKA_TLS_CA_FILE, BRIDGE_KAFKA_TLS_CERT_FILE and BRIDGE_KAFKA_TLS_KEY_FILE"
        return f"and the bridge cannot agree on TLS ({error}). Check {settings}, and the brokers' certificates."
    if error.endswith(_BROKERS_AT_FAULT):
        return (
            f"answers, but cannot serve this request now ({error}). Look at the brokers: a broker may be down, "
            "or a partition may have no leader or too few in-sync replicas."
        )
    return f"does not answer, or refuses connections ({error}). Check BRIDGE_KAFKA_BROKERS and BRIDGE_KAFKA_SECURITY."
