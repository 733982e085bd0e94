"""The librdkafka properties: those that operators choose, and those on which the bridge's guarantees depend. Pure.

https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Properties: TypeAlias = dict[str, str | int | bool]

# The properties that BRIDGE_KAFKA_CONFIG_PATH must not set. Some of them have their own settings (BRIDGE_…).
# At-least-once delivery, the order and the metrics depend on the others.
RESERVED: Final = frozenset(
    {
        "allow.auto.create.topics",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "batch.num.messages",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "acks",
        "request.required.acks",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "isolation.level",
        "metadata.broker.list",
        "partition.assignment.strategy",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.password",
        "sasl.username",
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "transactional.id",
    }
)
MOST_BYTES: Final = 1_000_000_000  # the largest value that librdkafka accepts
OF_CLASSIC: Final = frozenset({"session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"})
PROTOCOLS: Final = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
    "sasl_tls": "SASL_SSL",
}


@dataclass(frozen=True)
class KafkaConnection:
    """How to reach Kafka. `security` is one of PROTOCOLS; files are in PEM format; `more` has additional properties."""

    brokers: str
    security: str = "plaintext"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    sasl_mechanism: str = ""
    sasl_user: str = ""
    sasl_password: str = field(default="", repr=False)
    more: Properties = field(default_factory=dict, repr=False)

    def properties(self, client_id: str) -> Properties:
        """The properties of every client."""
        chosen: dict[str, str] = {
            "bootstrap.servers": self.brokers,
            "client.id": client_id,
            "security.protocol": PROTOCOLS[self.security],
            "ssl.ca.location": self.ca_file if "tls" in self.security else "",
            "ssl.certificate.location": self.cert_file,
            "ssl.key.location": self.key_file,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_user,
            "sasl.password": self.sasl_password,
        }
        always: Properties = {"topic.metadata.refresh.interval.ms": 30000, "log.connection.close": False}
        return {**always, **self.more, **{name: value for name, value in chosen.items() if value}}


@dataclass(frozen=True)
class Group:
    """The consumer group. `protocol` is classic or consumer (KIP-848); `reset` is earliest, latest or fail."""

    name: str
    protocol: str = "classic"
    instance: str = ""
    reset: str = "earliest"


def consumer_properties(connection: KafkaConnection, group: Group) -> Properties:
    """The properties of the consumer."""
    tuned: Properties = {
        "max.poll.interval.ms": 300000,
        "fetch.wait.max.ms": 500,
        "fetch.queue.backoff.ms": 20,
        "queued.min.messages": 4000,
        "queued.max.messages.kbytes": 16384,
    }
    classic: Properties = {"session.timeout.ms": 10000, "heartbeat.interval.ms": 2000}
    promised: Properties = {
        "group.id": group.name,
        "group.protocol": group.protocol,
        "auto.offset.reset": "error" if group.reset == "fail" else group.reset,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        **({"group.instance.id": group.instance} if group.instance else {}),
        **({"partition.assignment.strategy": "cooperative-sticky"} if group.protocol == "classic" else {}),
    }
    chosen = tuned | (classic if group.protocol == "classic" else {})
    return {**chosen, **_without(connection.properties("realtime-bridge"), PRODUCER), **promised}


def subscription(topics: Iterable[str], group: Group) -> list[str]:
    """The topics for `subscribe`. A topic that begins with ^ is a pattern. It need not match the whole name of a topic.

    In the classic protocol, librdkafka compares a pattern with any part of a name. In the consumer protocol, the broker
    compares a pattern with the whole name. So this function extends each pattern for the consumer protocol:
    https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
    """
    if group.protocol == "classic":
        return list(topics)
    return [f"^.*({topic}).*" if topic.startswith("^") else topic for topic in topics]


def producer_properties(connection: KafkaConnection) -> Properties:
    """The properties of the producer for dead letters: all in-sync replicas confirm, and retries write no letter twice.

    By default, only the topic limits the size of a letter: librdkafka's own limit (1 MB) might be below the topic's.
    Letters without a key go to one partition, so that they stay in order. With librdkafka's own default, each of them
    would go to a random partition.
    """
    promised: Properties = {
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": 30000,
        # One message per batch: the broker refuses a whole batch that is above the topic's limit, even if each message
        # is below the limit.
        "batch.num.messages": 1,
    }
    chosen = _without(connection.properties("realtime-bridge-dead-letters"), CONSUMER)
    return {"message.max.bytes": MOST_BYTES, "partitioner": "consistent", **chosen, **promised}


def admin_properties(connection: KafkaConnection) -> Properties:
    """The properties of clients that do not join the group. They ask for topics and offsets, and read dead letters."""
    return _without(connection.properties("realtime-bridge-lag"), PRODUCER + CONSUMER)


# librdkafka warns if a consumer gets a producer's property, or if a producer gets a consumer's property. These are the
# prefixes of both kinds.
CONSUMER: Final = (
    *("session.", "heartbeat.", "max.poll.", "max.partition.", "fetch.", "queued.", "group.", "check.crcs"),
    *("auto.commit.", "consume.", "coordinator.", "offset.store.", "share."),
)
PRODUCER: Final = (
    *("queue.", "queuing.", "linger", "batch.", "compression.", "delivery.", "message.send.", "message.timeout"),
    *("enable.gapless.", "partitioner", "produce.", "request.timeout.", "retries", "sticky.", "transaction."),
)


def _without(properties: Properties, beginnings: tuple[str, ...]) -> Properties:
    return {name: value for name, value in properties.items() if not name.startswith(beginnings)}


def read_properties(text: str, *, protocol: str) -> Properties:
    """The properties in a file of `name=value` lines. Empty lines and lines that begin with # are skipped.

    Raises ValueError with the number of the first bad line. The message never quotes a value, because it may be a
    secret.
    """
    properties: Properties = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if name.startswith("#") or not line.strip():
            continue
        if not equals or not name:
            raise ValueError(f"line {number} has no {'name before ' if equals else ''}=; accepted: name=value")
        if name in RESERVED:
            raise ValueError(f"line {number}: {name} is set by the bridge; accepted: other librdkafka properties")
        if name in OF_CLASSIC and protocol == "consumer":
            raise ValueError(
                f"line {number}: {name} does not work with BRIDGE_KAFKA_GROUP_PROTOCOL=consumer; remove it"
            )
        properties[name] = value
    return properties
