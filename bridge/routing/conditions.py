"""The conditions of a route. A route matches if all of them hold. Null counts as absent."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bridge.event import ABSENT, Event
from bridge.routing.faults import NotAcceptedError, display, listed
from bridge.routing.paths import Path, parse_path

OPERATORS: Final = ("equals", "in", "not_in", "exists", "prefix")
_ACCEPTED: Final = f'a table with field and one of {listed(OPERATORS)}, such as {{ field = "kind", equals = "chat" }}'
Test: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `test` gets the value of `path`; ABSENT if it is absent or null. `text` is for messages."""

    text: str
    path: Path
    test: Test

    def holds(self, event: Event) -> bool:
        value = self.path.get(event)
        return self.test(ABSENT if value is None else value)


def parse_condition(table: Any) -> Condition:
    """The condition in a table of the routes file. Raises NotAcceptedError."""
    if not isinstance(table, dict):
        raise NotAcceptedError(display(table), _ACCEPTED)
    operators = [key for key in table if key in OPERATORS]
    if len(operators) != 1 or set(table) != {"field", *operators}:
        raise NotAcceptedError(display(table), _ACCEPTED)
    [operator] = operators
    operand = table[operator]
    return Condition(
        f"{table['field']} {operator} {display(operand)}", parse_path(table["field"]), _test(operator, operand)
    )


def _test(operator: str, operand: Any) -> Test:
    match operator:
        case "equals":
            wanted = _accepted(operand)
            return lambda value: _is_scalar(value) and _typed(value) == wanted
        case "in" | "not_in":
            return _listed_or_not(operand, within=operator == "in")
        case "exists" if isinstance(operand, bool):
            return lambda value: (value is not ABSENT) == operand
        case "prefix" if isinstance(operand, str) and operand:
            return lambda value: isinstance(value, str) and value.startswith(operand)
    raise NotAcceptedError(display(operand), "true or false" if operator == "exists" else "a text that is not empty")


def _listed_or_not(operand: Any, *, within: bool) -> Test:
    if not isinstance(operand, list) or not operand:
        raise NotAcceptedError(display(operand), "a list of texts, numbers and booleans that is not empty")
    wanted = frozenset(map(_accepted, operand))
    return lambda value: (_is_scalar(value) and _typed(value) in wanted) == within


def _accepted(value: Any) -> tuple[bool, Any]:
    """An operand of a condition, with its type. Raises NotAcceptedError if conditions cannot compare such a value."""
    if not _is_scalar(value):
        raise NotAcceptedError(display(value), "a text, a number or a boolean")
    if isinstance(value, float) and not math.isfinite(value):
        raise NotAcceptedError(display(value), "a finite number")
    return _typed(value)


def _typed(value: Any) -> tuple[bool, Any]:
    """The value with its type, so that true differs from 1."""
    return isinstance(value, bool), value


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def first_unmet(conditions: tuple[Condition, ...], event: Event) -> Condition | None:
    """The first condition that does not hold; None if all hold."""
    for condition in conditions:
        if not condition.holds(event):
            return condition
    return None
