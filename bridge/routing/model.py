"""A compiled routes file. Every route that matches a record applies, in the order of the file."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Final, TypeAlias

from bridge.formats.reader import Reader
from bridge.routing.conditions import Condition
from bridge.routing.data import Build
from bridge.routing.paths import Path
from bridge.routing.templates import Template

NEVER: Final = 0  # the value of max_age that means no limit
MOST_CACHED: Final = 1000


class OnTooOld(StrEnum):
    """What happens to an event that is older than max_age."""

    DROP = "drop"
    DEAD_LETTER = "dead_letter"
    PUBLISH = "publish"


class OnTombstone(StrEnum):
    """What happens to a record without a value."""

    SKIP = "skip"
    DEAD_LETTER = "dead_letter"


class RefreshMode(StrEnum):
    """RECONNECT closes the connections; ASK makes Centrifugo ask the refresh proxy."""

    RECONNECT = "reconnect"
    ASK = "ask"


class Idempotency(StrEnum):
    """The source of Centrifugo's idempotency key."""

    POSITION = "position"
    EVENT = "event"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """How idempotency keys are made. In mode EVENT, `template` makes the id; None = the CloudEvent's source and id."""

    mode: Idempotency
    template: Template | None = None


POSITION: Final = IdempotencyKey(Idempotency.POSITION)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionBase:
    """The fields of every action. `number` is its position in the route, from 1.

    For `max_age_ms`, None means the value of the route, and NEVER means no limit. `max_targets` is the maximum number
    of channels or users for one event.
    """

    number: int
    line: int
    max_age_ms: int | None
    max_targets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishAction(ActionBase):
    """`build` makes the data. `whole_event` is true for `data = "*"`; otherwise the data has values of `data_paths`.

    `tags` are pairs of name and value.
    """

    do: ClassVar[str] = "publish"
    channels: tuple[Template, ...]
    build: Build
    whole_event: bool
    data_paths: tuple[Path, ...]
    max_bytes: int
    tags: tuple[tuple[str, Template], ...]
    skip_history: bool
    delta: bool
    version: Template | None
    version_epoch: Template | None
    idempotency: IdempotencyKey
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeAction(ActionBase):
    """Ends the subscriptions of each user to each channel. At most one of the two templates contains `[]`."""

    do: ClassVar[str] = "unsubscribe"
    user: Template
    channel: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectAction(ActionBase):
    """Closes the connections of each user. `code` is 4000–4999, `reason` has at most 123 bytes."""

    do: ClassVar[str] = "disconnect"
    user: Template
    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAction(ActionBase):
    """Makes Centrifugo check the connections of each user again."""

    do: ClassVar[str] = "refresh"
    user: Template
    mode: RefreshMode


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRemoveAction(ActionBase):
    """Empties the history of each channel."""

    do: ClassVar[str] = "history_remove"
    channel: Template


Action: TypeAlias = PublishAction | UnsubscribeAction | DisconnectAction | RefreshAction | HistoryRemoveAction


def channels_of(action: Action) -> tuple[Template, ...]:
    """The action's channel templates."""
    if isinstance(action, PublishAction):
        return action.channels
    return (action.channel,) if isinstance(action, UnsubscribeAction | HistoryRemoveAction) else ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route. `number` is its position in the file, from 1. `line` is its first line.

    `early` conditions are checked before the value is parsed: they need only the record's key, headers, topic and
    timestamp. `late` conditions need the value. `root` None means the whole value, `age_from` None means Kafka's
    timestamp.
    """

    name: str
    number: int
    line: int
    topics: tuple[str, ...]
    reader: Reader
    root: Path | None
    early: tuple[Condition, ...]
    late: tuple[Condition, ...]
    max_age_ms: int
    age_from: Path | None
    on_too_old: OnTooOld
    on_tombstone: OnTombstone
    actions: tuple[Action, ...]

    @cached_property
    def publications(self) -> int:
        """The number of publish actions."""
        return sum(isinstance(action, PublishAction) for action in self.actions)

    def reads(self, topic: str) -> bool:
        """True if one of `topics` is this topic or a pattern that matches it."""
        return any(covers(own, topic) for own in self.topics)


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes of a file."""

    file: str
    routes: tuple[Route, ...]
    _by_topic: dict[str, tuple[Route, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def topics(self) -> tuple[str, ...]:
        """The names and patterns (beginning with ^) to subscribe to, without duplicates, in the file's order."""
        return tuple(dict.fromkeys(topic for route in self.routes for topic in route.topics))

    def of_topic(self, topic: str) -> tuple[Route, ...]:
        """The routes that read this topic. Headers of replayed records may name any topic, so the cache is limited."""
        if topic not in self._by_topic:
            if len(self._by_topic) == MOST_CACHED:
                self._by_topic.clear()
            self._by_topic[topic] = tuple(route for route in self.routes if route.reads(topic))
        return self._by_topic[topic]

    def label(self, topic: str) -> str:
        """The metric label of a topic: its name, or the first pattern that matches it; "" for other topics."""
        if topic in self.topics:
            return topic
        return next((own for own in self.topics if covers(own, topic)), "")


def is_pattern(topic: str) -> bool:
    """True if this entry of `topics` is a regular expression."""
    return topic.startswith("^")


def covers(routed: str, topic: str) -> bool:
    """True if a name or pattern of the routes file matches this topic.

    As in librdkafka, `^a|b` also matches a topic that contains b in the middle.
    """
    return routed == topic or (is_pattern(routed) and re.search(routed, topic) is not None)
