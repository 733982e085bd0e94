"""A real Kafka broker on loopback, and functions that create, write and read its topics."""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.harness.certificates import Authority
from tools.kafka.broker import HOME, LOOPBACK, Broker, why_missing

ANSWER_S = 30.0
# The broker's errors while it looks for the group's coordinator or moves it.
MOVING = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
SCRAMS = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}
# Log lines of Maven if the repository of artifacts does not deliver.
DOWNLOAD_FAULTS = ("Could not transfer artifact", "Could not resolve dependencies", "Unknown host")
BUILD_LOG = HOME.parent / "kafka.log"


def excuse() -> str:
    """The reason why no broker can be started; "" if a broker can be started.

    In CI it raises AssertionError, except if Java or Maven is missing or if a download has failed.
    """
    why = why_missing()
    if not why or os.environ.get("CI") != "true" or "Java" in why:
        return why
    log = _build_log()
    if "mvn: not found" in log:
        return "Maven is not installed (Debian's package maven has it)."
    if any(fault in log for fault in DOWNLOAD_FAULTS):
        return "Maven could not download Kafka."
    raise AssertionError(f"{why} In CI the broker must not be missing.\n{log}")


def _build_log() -> str:
    return BUILD_LOG.read_text() if BUILD_LOG.exists() else ""


@dataclass
class Kafka:
    """A running broker. `create_topic` makes a unique name for each topic, so that tests can share the broker.

    `secured` has the listeners with TLS and SASL; None if openssl is not installed.
    """

    broker: Broker
    secured: "Secured | None" = None

    @property
    def address(self) -> str:
        return self.broker.address

    def create_topic(self, stem: str = "topic", *, partitions: int = 1, **config: str) -> str:
        """Create a topic with a unique name; returns the name."""
        name = f"{stem}.{secrets.token_hex(4)}"
        self.create(name, partitions=partitions, **config)
        return name

    def create(self, name: str, *, partitions: int = 1, **config: str) -> None:
        """Create a topic with this name. `config` has Kafka's options, with _ in place of the dots."""
        admin = AdminClient({"bootstrap.servers": self.address})
        options = {option.replace("_", "."): value for option, value in config.items()}
        [made] = admin.create_topics([NewTopic(name, partitions, 1, config=options)]).values()
        made.result(ANSWER_S)

    def grow(self, name: str, partitions: int) -> None:
        """Give a topic more partitions; `partitions` is the new number of them."""
        admin = AdminClient({"bootstrap.servers": self.address})
        [grown] = admin.create_partitions([NewPartitions(name, partitions)]).values()
        grown.result(ANSWER_S)

    def delete(self, name: str) -> None:
        """Delete a topic, and wait until it is gone."""
        admin = AdminClient({"bootstrap.servers": self.address})
        [deleted] = admin.delete_topics([name]).values()
        deleted.result(ANSWER_S)
        until = time.monotonic() + ANSWER_S
        while name in admin.list_topics(timeout=ANSWER_S).topics:
            assert time.monotonic() < until, name
            time.sleep(0.05)

    def create_once(self, name: str) -> None:
        """Create a topic with this name, unless it exists."""
        if name not in AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=ANSWER_S).topics:
            self.create(name)

    @contextmanager
    def allowing_only(self, operation: AclOperation, kind: ResourceType, name: str) -> Iterator[None]:
        """Allow the SASL user only this operation on the resource `name` ("*": on all) while the context lasts."""
        assert self.secured is not None
        allowed = (kind, name, ResourcePatternType.LITERAL, f"User:{self.secured.user}", "*", operation)
        admin = AdminClient({"bootstrap.servers": self.address})
        [made] = admin.create_acls([AclBinding(*allowed, AclPermissionType.ALLOW)]).values()
        made.result(ANSWER_S)
        try:
            yield
        finally:
            [deleted] = admin.delete_acls([AclBindingFilter(*allowed, AclPermissionType.ALLOW)]).values()
            deleted.result(ANSWER_S)

    @contextmanager
    def producer(self, **config: str) -> Iterator[Producer]:
        """A producer; all its messages are delivered when the context ends."""
        options = {option.replace("_", "."): value for option, value in config.items()}
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 5, **options})
        yield producer
        assert producer.flush(ANSWER_S) == 0

    def produce(self, topic: str, values: Iterable[bytes | None], key: bytes | None = None) -> None:
        """Write these values, in order, into the partition of the key."""
        with self.producer() as producer:
            for value in values:
                producer.produce(topic, value, key)

    def messages(self, topic: str, partitions: int = 1) -> list[Message]:
        """All messages that are in a topic now."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "tests", "enable.auto.commit": False})
        found: list[Message] = []
        try:
            for number in range(partitions):
                found += _read_all(consumer, TopicPartition(topic, number))
        finally:
            consumer.close()
        return found

    def committed(self, group: str, topic: str, partitions: int = 1) -> list[int]:
        """The group's committed offset for each partition; -1001 if it has committed no offset."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            wanted = [TopicPartition(topic, number) for number in range(partitions)]
            return [each.offset for each in _committed(consumer, wanted)]
        finally:
            consumer.close()


def _read_all(consumer: Consumer, partition: TopicPartition) -> Sequence[Message]:
    first, end = consumer.get_watermark_offsets(partition, timeout=ANSWER_S)
    consumer.assign([TopicPartition(partition.topic, partition.partition, first)])
    found: list[Message] = []
    while first < end:
        message = consumer.poll(ANSWER_S)
        assert message is not None, "Kafka did not deliver all messages of the topic"
        assert message.error() is None, message.error()
        found.append(message)
        first = (message.offset() or 0) + 1
    return found


@dataclass(frozen=True)
class Secured:
    """The listeners TLS (requires a client's certificate), SASL and SASL_TLS, and one user of the last two."""

    authority: Authority
    user: str
    password: str

    @property
    def listeners(self) -> dict[str, str]:
        """The security protocol of each listener, by name."""
        return {"TLS": "SSL", "SASL": "SASL_PLAINTEXT", "SASL_TLS": "SASL_SSL"}

    def properties(self) -> dict[str, str]:
        """The broker's configuration for these listeners."""
        certificate, key = self.authority.issue(LOOPBACK)
        keystore = self.authority.folder / "broker.pem"
        keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
        plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{self.user}="{self.password}";'
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        logins = {"plain": plain, "scram-sha-256": scram, "scram-sha-512": scram}
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.ca),
            "listener.name.tls.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": ",".join(SCRAMS) + ",PLAIN",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
            "super.users": "User:ANONYMOUS",  # everyone at the listener without TLS and SASL
            **{
                f"listener.name.{listener}.{mechanism}.sasl.jaas.config": login
                for listener in ("sasl", "sasl_tls")
                for mechanism, login in logins.items()
            },
        }

    def create_user(self, address: str) -> None:
        """Create the user for both mechanisms of SCRAM. The broker keeps such users in its metadata log."""
        admin = AdminClient({"bootstrap.servers": address})
        for mechanism in SCRAMS.values():  # one request may contain only one change for each user
            change = UserScramCredentialUpsertion(
                self.user, ScramCredentialInfo(mechanism, 4096), self.password.encode()
            )
            [made] = admin.alter_user_scram_credentials([change]).values()
            made.result(ANSWER_S)


def broker_or_skip(folder: Path) -> Iterator[Kafka]:
    """For a fixture: a broker. If no broker can be started, `excuse` decides whether the test is skipped or fails."""
    if why := excuse():
        pytest.skip(why)
    with running_kafka(folder) as running:
        yield running


@contextmanager
def running_kafka(folder: Path) -> Iterator[Kafka]:
    """A broker whose data is in this folder."""
    secured = None
    if shutil.which("openssl"):
        secured = Secured(Authority.in_folder(folder), "bridge", secrets.token_hex(12))
    listeners = secured.listeners if secured else {}
    broker = Broker(folder, listeners=listeners, properties=secured.properties() if secured else {})
    broker.start()
    try:
        if secured:
            secured.create_user(broker.address)
        yield Kafka(broker, secured)
    finally:
        broker.kill()


def _committed(consumer: Consumer, wanted: list[TopicPartition]) -> list[TopicPartition]:
    """Read the offsets; repeat while the broker looks for the group's coordinator."""
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            return consumer.committed(wanted, timeout=ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() not in MOVING or time.monotonic() > until:
                raise
        time.sleep(0.2)
