"""Reads the configuration of a bridge from the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.delivery.backoff import Backoff
from bridge.kafka.connection import Group, KafkaConnection, Properties, read_properties
from bridge.running.letters import LetterTopics
from bridge.running.sending import Limits
from common.files import TEXT_BYTES, read_file
from common.safe_path import safe_path
from common.secret_files import read_header_secret, read_secret
from common.unreadable import cannot_read

if TYPE_CHECKING:
    from django.conf import LazySettings

PASSWORD: Final = "BRIDGE_KAFKA_SASL_PASSWORD"  # noqa: S105  (a name)
API_KEY: Final = "CENTRIFUGO_API_KEY"


class ConfigurationError(ValueError):
    """A setting cannot be used; the message names it."""


@dataclass(frozen=True)
class CentrifugoApi:
    """How to reach the API. `key` is sent with every request; "" = no key."""

    url: str
    key: str
    ca_file: str
    timeout_s: float
    parallel: bool


@dataclass(frozen=True)
class Reading:
    """Limits for reading ahead, and intervals. `drain_s` is how long a revocation waits for requests in flight."""

    most_pending: int
    most_bytes: int
    window: int
    commit_interval_s: float
    drain_s: float
    lag_interval_s: float


@dataclass(frozen=True)
class Configuration:
    """The configuration of a bridge, without its routes. See `Work` for `most_dead_letters`."""

    connection: KafkaConnection
    group: Group
    api: CentrifugoApi
    limits: Limits
    backoff: Backoff
    reading: Reading
    letters: LetterTopics
    most_dead_letters: int | None
    listen: tuple[str, int]


def configuration(settings: "LazySettings") -> Configuration:
    """The configuration in the settings. Raises ConfigurationError, or SecretError for a secret."""
    dead_letters = settings.BRIDGE_DEAD_LETTER_TOPIC
    return Configuration(
        connection=kafka_connection(settings),
        group=Group(
            name=settings.BRIDGE_KAFKA_GROUP,
            protocol=settings.BRIDGE_KAFKA_GROUP_PROTOCOL,
            instance=settings.BRIDGE_INSTANCE_ID,
            reset=settings.BRIDGE_OFFSET_RESET,
        ),
        api=_api(settings),
        limits=Limits(
            requests=settings.BRIDGE_REQUESTS,
            batch_max=settings.BRIDGE_BATCH_MAX,
            batch_bytes=settings.BRIDGE_BATCH_BYTES,
            max_attempts=settings.BRIDGE_MAX_ATTEMPTS,
        ),
        backoff=Backoff(settings.BRIDGE_RETRY_MIN_MS / 1000, settings.BRIDGE_RETRY_MAX_MS / 1000),
        reading=_reading(settings),
        letters=LetterTopics(dead_letters, settings.BRIDGE_REPLAY_TOPIC if dead_letters else ""),
        most_dead_letters=settings.BRIDGE_DEAD_LETTER_MAX_CONSECUTIVE if dead_letters else None,
        listen=(settings.BRIDGE_LISTEN_HOST, settings.BRIDGE_LISTEN_PORT),
    )


def _reading(settings: "LazySettings") -> Reading:
    return Reading(
        most_pending=settings.BRIDGE_PENDING_MAX,
        most_bytes=settings.BRIDGE_PENDING_BYTES,
        window=settings.BRIDGE_WINDOW,
        commit_interval_s=settings.BRIDGE_COMMIT_INTERVAL_MS / 1000,
        drain_s=settings.BRIDGE_DRAIN_MS / 1000,
        lag_interval_s=settings.BRIDGE_LAG_INTERVAL_MS / 1000,
    )


def _api(settings: "LazySettings") -> CentrifugoApi:
    return CentrifugoApi(
        url=settings.CENTRIFUGO_API_URL,
        key=secret(settings, API_KEY, read_header_secret),
        ca_file=settings.CENTRIFUGO_API_TLS_CA_FILE,
        timeout_s=settings.BRIDGE_PUBLISH_TIMEOUT_MS / 1000,
        parallel=settings.BRIDGE_BATCH_PARALLEL,
    )


def kafka_connection(settings: "LazySettings") -> KafkaConnection:
    """How to reach Kafka. Raises ConfigurationError, or SecretError."""
    return KafkaConnection(
        brokers=settings.BRIDGE_KAFKA_BROKERS,
        security=settings.BRIDGE_KAFKA_SECURITY,
        ca_file=settings.BRIDGE_KAFKA_TLS_CA_FILE,
        cert_file=settings.BRIDGE_KAFKA_TLS_CERT_FILE,
        key_file=settings.BRIDGE_KAFKA_TLS_KEY_FILE,
        sasl_mechanism=settings.BRIDGE_KAFKA_SASL_MECHANISM,
        sasl_user=settings.BRIDGE_KAFKA_SASL_USER,
        sasl_password=secret(settings, PASSWORD),
        more=more_properties(settings.BRIDGE_KAFKA_CONFIG_PATH, settings.BRIDGE_KAFKA_GROUP_PROTOCOL),
    )


def secret(settings: "LazySettings", name: str, read: Callable[[str, str, str], bytes] = read_secret) -> str:
    """A secret of the bridge, from its variable or its file. Raises SecretError."""
    return read(name, getattr(settings, name), getattr(settings, f"{name}_FILE")).decode(errors="surrogateescape")


def more_properties(path: str, protocol: str) -> Properties:
    """The operator's librdkafka properties. Raises ConfigurationError."""
    if not path:
        return {}
    try:
        return read_properties(read_file(path, TEXT_BYTES).decode(), protocol=protocol)
    except OSError as error:
        raise ConfigurationError(f"BRIDGE_KAFKA_CONFIG_PATH: {cannot_read(path, error)}.") from None
    except ValueError as error:
        raise ConfigurationError(f"BRIDGE_KAFKA_CONFIG_PATH: {safe_path(path)}, {error}.") from None
