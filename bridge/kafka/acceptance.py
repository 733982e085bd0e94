"""Checks that the Kafka library accepts the properties of its clients, before the bridge needs the clients."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer

from bridge.kafka.connection import Group, KafkaConnection, consumer_properties, producer_properties
from bridge.kafka.errors import PropertyRefused

# Drops the library's warnings: the clients that the bridge makes afterwards log the same warnings.
_SILENT: Final = logging.Logger("bridge.kafka.acceptance", logging.CRITICAL)
_ANY_GROUP: Final = Group("none")


def check_properties(connection: KafkaConnection, group: Group = _ANY_GROUP) -> None:
    """Raises PropertyRefused. The clients are made without a broker, so nothing is sent to Kafka."""
    _make(Producer, producer_properties(connection), connection.more)
    _make(Consumer, consumer_properties(connection, group), connection.more).close()


def _make(make: Callable[..., Any], properties: Mapping[str, object], more: Mapping[str, object]) -> Any:
    own = {name: value for name, value in properties.items() if name != "bootstrap.servers"}
    try:
        return make(own, logger=_SILENT)
    except KafkaException as error:
        text = error.args[0].str()
    except (AttributeError, TypeError, ValueError) as error:  # for properties that are not texts, such as callbacks
        text = str(error)
    raise PropertyRefused(_refusal(text, properties, more))


def _refusal(text: str, properties: Mapping[str, object], more: Mapping[str, object]) -> str:
    """The message. It does not contain the library's text, which may quote a value. A value may be a secret."""
    named = max((name for name in properties if name in text), key=lambda name: (name in more, len(name)), default="")
    what = f"the property {named}" if named else "a property"
    if not more or (named and named not in more):
        return f"The Kafka library refuses {what}: check the BRIDGE_KAFKA_… settings."
    return f"BRIDGE_KAFKA_CONFIG_PATH: the Kafka library refuses {what}: its name or its value is not accepted."
