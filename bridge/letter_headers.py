"""The names of the headers that the bridge writes into a dead letter and reads from it."""

from typing import Final

PREFIX: Final = "bridge."
REASON: Final = f"{PREFIX}reason"
DETAIL: Final = f"{PREFIX}detail"
ROUTE: Final = f"{PREFIX}route"
ACTION: Final = f"{PREFIX}action"
TOPIC: Final = f"{PREFIX}topic"
PARTITION: Final = f"{PREFIX}partition"
OFFSET: Final = f"{PREFIX}offset"
TIMESTAMP: Final = f"{PREFIX}timestamp"
ATTEMPTS: Final = f"{PREFIX}attempts"
REPLAYS: Final = f"{PREFIX}replays"
FAILED_AT: Final = f"{PREFIX}failed_at"
VERSION: Final = f"{PREFIX}version"
VALUE: Final = f"{PREFIX}value"
KEY: Final = f"{PREFIX}key"
HEADERS: Final = f"{PREFIX}headers"

# The record's position and timestamp in its own topic; a replay keeps these headers.
POSITION: Final = (TOPIC, PARTITION, OFFSET, TIMESTAMP)

# Kafka Connect's headers for the same facts: https://docs.confluent.io/platform/current/connect/index.html#dead-letter-queues
CONNECT_PREFIX: Final = "__connect.errors."
PREFIXES: Final = (PREFIX, CONNECT_PREFIX)
