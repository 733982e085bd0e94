"""Explains how the routes of a file handle one record."""

from typing import NamedTuple

from bridge.commands import DEAD_LETTER, DONE, Command, Mapped, Outcome, Poison, Record, Skip
from bridge.event import Event, Unmappable
from bridge.formats.reader import Unreadable
from bridge.mapping.mapper import RouteMapper, event_of, value_for
from bridge.routing.conditions import first_unmet
from bridge.routing.model import Route, Routes
from common.counted import counted


class RouteExplanation(NamedTuple):
    """What a route does with the record.

    If `fits` is true, `why` has the results of the actions. Otherwise `why` says why the route does not match the
    record or cannot read it.
    """

    name: str
    fits: bool
    why: str


class Explanation(NamedTuple):
    """What all routes do with the record.

    `outcome` is the label value in `realtime_bridge_records_total`. `reason` is the reason of the first failure; ""
    if there is no failure.
    """

    routes: tuple[RouteExplanation, ...]
    commands: tuple[Command, ...]
    outcome: str
    reason: str
    failures: tuple[Poison, ...]


def explain(routes: Routes, record: Record, now_ms: int) -> Explanation:
    """Map the record as the bridge would at `now_ms` (milliseconds since 1970)."""
    outcome = RouteMapper(routes).outcome(record, now_ms)
    commands, failures = (outcome.commands, outcome.failures) if isinstance(outcome, Mapped) else ((), ())
    return Explanation(
        tuple(_explained(route, record, now_ms) for route in routes.routes),
        commands,
        _word(outcome),
        failures[0].reason if failures else "",
        failures,
    )


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Skip):
        return outcome.reason
    return DEAD_LETTER if outcome.failures else DONE


def _explained(route: Route, record: Record, now_ms: int) -> RouteExplanation:
    unfit = _unfit(route, record)
    if unfit:
        return RouteExplanation(route.name, False, unfit)
    # Map with this route alone: with all routes, the reason of the outcome may come from another route.
    alone = RouteMapper(Routes("", (route,))).outcome(record, now_ms)
    return RouteExplanation(route.name, True, "; ".join(_of_actions(route, alone)))


def _unfit(route: Route, record: Record) -> str:
    """Why the route does not match the record or cannot read it; "" if it matches and can read it."""
    if not route.reads(record.topic):
        return f"does not read {record.topic}"
    if condition := first_unmet(route.early, Event(record)):
        return f"{condition.text} does not hold"
    value = value_for(route, record)
    if value is None:
        return ""
    try:
        event = event_of(route, record, route.reader.read(record, value))
    except (Unreadable, Unmappable) as error:
        return f"{error.reason}: {error.detail}"
    condition = first_unmet(route.late, event)
    return f"{condition.text} does not hold" if condition else ""


def _of_actions(route: Route, outcome: Outcome) -> list[str]:
    if isinstance(outcome, Skip):
        return [f"nothing is sent: {outcome.reason}"]
    failures = {failure.action: failure for failure in outcome.failures}
    if None in failures:
        return [f"{failures[None].reason}: {failures[None].detail}"]
    return [_of_action(action.number, failures, outcome) for action in route.actions]


def _of_action(number: int, failures: dict[int | None, Poison], outcome: Mapped) -> str:
    if number in failures:
        return f"action {number}: {failures[number].reason}: {failures[number].detail}"
    count = sum(command.action == number for command in outcome.commands)
    if not count:
        return f"action {number}: nothing is sent, because the event is too old or has no recipients"
    return f"action {number}: {counted(count, 'command')}"
