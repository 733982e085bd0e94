"""The report on a routes file: as text for people, and as JSON for programs."""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from bridge.commands import DEAD_LETTER, SkipReason
from bridge.explaining.explanation import Explanation
from bridge.explaining.warnings import Warning
from bridge.routing.faults import Fault, listed
from bridge.routing.model import Action, HistoryRemoveAction, PublishAction, Route, UnsubscribeAction, channels_of
from common.counted import counted
from common.printable import printable_json

SOUND, DOUBTFUL, FAULTY = 0, 1, 2


class CheckedRoute(NamedTuple):
    """A route and its warnings. `route` is None if the file has faults."""

    name: str
    line: int
    route: Route | None = None
    warnings: tuple[Warning, ...] = ()


class Report(NamedTuple):
    """The report on a file. `explanation` is None if no record was given, or if the file has faults."""

    file: str
    routes: tuple[CheckedRoute, ...]
    faults: tuple[Fault, ...] = ()
    explanation: Explanation | None = None

    @property
    def warnings(self) -> int:
        """The number of warnings about all routes."""
        return sum(len(checked.warnings) for checked in self.routes)


def exit_code(report: Report) -> int:
    """The exit code: 2 for faults; 1 for warnings, or if the record fails or matches no route; otherwise 0."""
    if report.faults:
        return FAULTY
    lost = report.explanation is not None and report.explanation.outcome in (DEAD_LETTER, SkipReason.UNROUTED)
    return DOUBTFUL if lost or report.warnings else SOUND


def to_lines(report: Report) -> list[str]:
    """The report as text for people."""
    if report.faults:
        return list(_fault_lines(report))
    lines = [line for checked in report.routes for line in _route_lines(checked)]
    if report.explanation is not None:
        lines += _record_lines(report.explanation)
    counts = f"{counted(len(report.routes), 'route')}, {counted(report.warnings, 'warning')}"
    return [*lines, f"{report.file}: no faults; {counts}."]


def _fault_lines(report: Report) -> Iterator[str]:
    for fault in report.faults:
        yield fault.sentence(report.file)
    if report.routes:
        yield f"Routes: {listed(f'{checked.name} (line {checked.line})' for checked in report.routes)}."
    yield f"{report.file}: {counted(len(report.faults), 'fault')}; the bridge would not start."


def _route_lines(checked: CheckedRoute) -> Iterator[str]:
    route = checked.route
    yield f"{checked.name} (line {checked.line}) reads {listed(route.topics if route else ())}"
    for action in route.actions if route else ():
        yield f"  {action.number}. {action.do} {_target(action)}"
    for number, sentence in checked.warnings:
        yield f"  WARNING {'' if number is None else f'action {number}: '}{sentence}."


def _target(action: Action) -> str:
    channels = listed(template.text for template in channels_of(action))
    match action:
        case PublishAction():
            return f"to {channels}"
        case UnsubscribeAction(user=user):
            return f"{user.text} from {channels}"
        case HistoryRemoveAction():
            return f"of {channels}"
    return action.user.text


def _record_lines(explanation: Explanation) -> Iterator[str]:
    yield "The record:"
    for name, fits, why in explanation.routes:
        yield f"  {name} {'fits' if fits else 'does not fit'}: {why}"
    yield "Commands:" if explanation.commands else "No commands."
    for command in explanation.commands:
        yield f"  {printable_json(command.encoded.decode())}"
    yield f"Outcome: {explanation.outcome}{f' ({explanation.reason})' if explanation.reason else ''}"


def to_json(report: Report) -> str:
    """The report for programs: one object with stable keys. The commands are exactly as Centrifugo would get them."""
    whole = {
        "routes": [_route_object(checked) for checked in report.routes],
        "faults": [fault._asdict() for fault in report.faults],
        "record": report.explanation and _record_object(report.explanation),
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode()


def _route_object(checked: CheckedRoute) -> dict[str, object]:
    return {
        "name": checked.name,
        "line": checked.line,
        "warnings": [
            sentence if number is None else f"action {number}: {sentence}" for number, sentence in checked.warnings
        ],
    }


def _record_object(explanation: Explanation) -> dict[str, object]:
    return {
        "routes": [route._asdict() for route in explanation.routes],
        "commands": [orjson.Fragment(command.encoded) for command in explanation.commands],
        "outcome": explanation.outcome,
        "reason": explanation.reason or None,
    }
