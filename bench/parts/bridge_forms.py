"""The same event in three forms: for the bridge, and for both modes of Centrifugo's own Kafka consumer."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

CHANNELS: Final = 1000
CHANNELS_HEADER: Final = "x-centrifugo-channels"
KEY_HEADER: Final = "x-centrifugo-idempotency-key"
ROUTES: Final = """version = 1

[[routes]]
name = "entries"
topics = ["TOPIC"]
[[routes.actions]]
do = "publish"
channel = "family:{family}"
fields = ["family", "number", "at", "text"]
"""


class Form(StrEnum):
    """The reader of the events: the bridge, or a mode of Centrifugo's own consumer. Each has a topic with its name.

    With `COMMANDS`, Centrifugo's default, the value of a record is a command of the server API. With `HEADERS`
    (`publication_data_mode`), the value is the data, and headers contain the channel and the idempotency key.
    """

    BRIDGE = "bridge"
    COMMANDS = "commands"
    HEADERS = "headers"


OWN: Final = (Form.COMMANDS, Form.HEADERS)


class Message(NamedTuple):
    """A record to write."""

    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]]


def channel_of(number: int) -> str:
    """The channel of an event."""
    return f"family:f{number % CHANNELS}"


def message(form: Form, number: int, at_ns: int, text: str) -> Message:
    """The event `number`, written at `at_ns`. Its publication has the same data in each form."""
    family = f"f{number % CHANNELS}"
    data = {"family": family, "number": number, "at": at_ns, "text": text}
    idempotency_key = f"bench:{number}:{at_ns}"
    headers: list[tuple[str, str | bytes | None]] = []
    value: Any = data
    if form is Form.COMMANDS:
        payload = {"channel": channel_of(number), "data": data, "idempotency_key": idempotency_key}
        value = {"method": "publish", "payload": payload}
    elif form is Form.HEADERS:
        headers = [(CHANNELS_HEADER, channel_of(number).encode()), (KEY_HEADER, idempotency_key.encode())]
    return Message(family.encode(), json.dumps(value, separators=(",", ":")).encode(), headers)


def own_consumer(form: Form, address: str, group: str, topic: str) -> Mapping[str, Any]:
    """The configuration of Centrifugo's own consumer."""
    kafka: dict[str, Any] = {"brokers": [address], "topics": [topic], "consumer_group": group}
    if form is Form.HEADERS:
        kafka["publication_data_mode"] = {
            "enabled": True,
            "channels_header": CHANNELS_HEADER,
            "idempotency_key_header": KEY_HEADER,
        }
    return {"enabled": True, "name": "own", "type": "kafka", "kafka": kafka}
