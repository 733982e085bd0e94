"""Maps records to commands. Every matching route applies; a failure in one route does not stop the other routes."""

from collections.abc import Sequence
from typing import Final

from bridge.commands import Command, Mapped, Outcome, Poison, Reason, Record, Skip, SkipReason
from bridge.event import ABSENT, Event, Payload, Unmappable
from bridge.formats.json_value import json_object
from bridge.formats.reader import Reader, Unreadable
from bridge.mapping.making import Circumstances, make_commands
from bridge.mapping.replayed import original
from bridge.routing.conditions import first_unmet
from bridge.routing.model import NEVER, Action, OnTombstone, OnTooOld, Route, Routes
from bridge.routing.templates import named
from bridge.routing.times import event_age_ms

TOMBSTONE_DETAIL: Final = "the record has no value"


class RouteMapper:
    """Maps records with the routes of a file. `replay_topic` is the topic of replayed dead letters; "" = no topic."""

    def __init__(self, routes: Routes, *, replay_topic: str = "") -> None:
        self._routes = routes
        self._replay_topic = replay_topic

    def outcome(self, record: Record, now_ms: int) -> Outcome:
        """The outcome for `record` at `now_ms` (milliseconds since 1970)."""
        if record.fault:
            return Mapped((), (Poison(Reason.UNSUPPORTED, record.fault),))
        if record.topic == self._replay_topic:
            try:
                record = original(record)
            except Unmappable as error:
                return Mapped((), (Poison(error.reason, error.detail),))
        routes = [route for route in self._routes.of_topic(record.topic) if not route.early or may_fit(route, record)]
        if not routes:
            return Skip(SkipReason.UNROUTED)
        if record.value is None:
            return _without_value(record, routes, now_ms)
        return _Mapping(record, record.value, now_ms).outcome(routes)


def may_fit(route: Route, record: Record) -> bool:
    """True if the record meets all conditions that do not need its value."""
    return not route.early or first_unmet(route.early, Event(record)) is None


def event_of(route: Route, record: Record, payload: Payload) -> Event:
    """The event whose data is the value at the route's `root`: an object, or a string that contains a JSON object.

    An absent or null value stays absent or null, so that conditions can test it. Raises Unmappable for other values.
    """
    event = Event(record, payload.data, payload.attributes)
    if route.root is None:
        return event
    data = route.root.get(event)
    if isinstance(data, str):
        try:
            data = json_object(data)
        except Unreadable:
            raise Unmappable(
                Reason.BAD_PLACEHOLDER, f"{route.root.text} is a text that contains no JSON object"
            ) from None
    if not (data is ABSENT or data is None or isinstance(data, dict)):
        raise Unmappable(Reason.BAD_PLACEHOLDER, f"{route.root.text} is {named(data)}; accepted: an object")
    return Event(record, data, payload.attributes)


def value_for(route: Route, record: Record) -> bytes | None:
    """The value to read; None if the record is a tombstone for this route. An event without a value has b""."""
    return b"" if record.value is None and route.reader.is_event_without_value(record) else record.value


def _without_value(record: Record, routes: list[Route], now_ms: int) -> Outcome:
    events: list[Route] = []
    failures: list[Poison] = []
    for route in routes:
        if value_for(route, record) is not None:
            events.append(route)
        elif route.on_tombstone is OnTombstone.DEAD_LETTER and not failures:
            failures.append(Poison(Reason.TOMBSTONE, TOMBSTONE_DETAIL, route.name))
    if events:
        return _Mapping(record, b"", now_ms, failures).outcome(events)
    return Mapped((), tuple(failures)) if failures else Skip(SkipReason.TOMBSTONE)


class _Mapping:
    """The mapping of one record."""

    __slots__ = ("_commands", "_failures", "_now_ms", "_payloads", "_record", "_too_old", "_value")

    def __init__(self, record: Record, value: bytes, now_ms: int, failures: Sequence[Poison] = ()) -> None:
        self._record = record
        self._value = value
        self._now_ms = now_ms
        self._payloads: dict[Reader, Payload | None] = {}
        self._commands: list[Command] = []
        self._failures = [*failures]
        self._too_old = False

    def outcome(self, routes: list[Route]) -> Outcome:
        fitting = []
        publications = 0
        for route in routes:
            if (event := self._event(route)) is not None:
                fitting.append((route, event))
                publications += route.publications
        for route, event in fitting:
            at = Circumstances(route.name, publications == 1, self._now_ms)
            for action in route.actions:
                self._apply(route, action, event, at)
        if self._commands or self._failures:
            return Mapped(tuple(self._commands), tuple(self._failures))
        if not fitting:
            return Skip(SkipReason.UNROUTED)
        return Skip(SkipReason.TOO_OLD if self._too_old else SkipReason.NO_RECIPIENTS)

    def _event(self, route: Route) -> Event | None:
        """The event for this route; None if the route does not match, or after a failure."""
        payload = self._payloads[route.reader] if route.reader in self._payloads else self._read(route)
        if payload is None:
            return None
        try:
            event = event_of(route, self._record, payload)
        except Unmappable as error:
            self._failures.append(Poison(error.reason, error.detail, route.name))
            return None
        return event if not route.late or first_unmet(route.late, event) is None else None

    def _read(self, route: Route) -> Payload | None:
        """The payload, parsed once for all routes with the same format."""
        payload = None
        try:
            payload = route.reader.read(self._record, self._value)
        except Unreadable as error:
            self._failures.append(Poison(error.reason, error.detail, route.name))
        self._payloads[route.reader] = payload
        return payload

    def _apply(self, route: Route, action: Action, event: Event, at: Circumstances) -> None:
        try:
            if not self._is_too_old(route, action, event):
                self._commands += make_commands(action, event, at)
            elif route.on_too_old is OnTooOld.DEAD_LETTER:
                raise Unmappable(Reason.TOO_OLD, "the event is older than max_age")
            else:
                self._too_old = True
        except Unmappable as error:
            self._failures.append(Poison(error.reason, error.detail, route.name, action.number))

    def _is_too_old(self, route: Route, action: Action, event: Event) -> bool:
        """True if the event is too old for the action. Raises Unmappable."""
        max_age_ms = route.max_age_ms if action.max_age_ms is None else action.max_age_ms
        if max_age_ms == NEVER or route.on_too_old is OnTooOld.PUBLISH:
            return False
        return event_age_ms(event, route.age_from, self._now_ms) > max_age_ms
