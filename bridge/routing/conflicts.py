"""Conflicts between a publish action with `version` and other publish actions for the same channel.

Centrifugo keeps one version per channel, so actions with separate counters would suppress each other's publications.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from bridge.routing.faults import Fault, display
from bridge.routing.model import PublishAction, Route
from bridge.routing.section import dotted
from bridge.routing.templates import Template, shape
from bridge.routing.toml_lines import KeyLines

Use = tuple[Route, PublishAction, Template]


def publications(routes: Iterable[Route]) -> Iterator[Use]:
    """Every channel template of every publish action."""
    for route in routes:
        for action in route.actions:
            if isinstance(action, PublishAction):
                for template in action.channels:
                    yield route, action, template


def version_conflicts(routes: Iterable[Route], lines: KeyLines) -> Iterator[Fault]:
    """Finds actions with `version` that have a channel template of the same shape as a template of another action.

    For other templates that can produce the same channel, `bridge/explaining/warnings.py` has a warning.
    """
    by_shape: dict[tuple[str | None, ...], list[Use]] = defaultdict(list)
    for use in publications(routes):
        if use[2].parts:  # skip a template that could not be read
            by_shape[shape(use[2])].append(use)
    for uses in by_shape.values():
        for route, action, template in uses:
            other = next((use for use in uses if use[1] is not action), None)
            if action.version is not None and other is not None:
                yield _fault(route, action, template, other, lines)


def _fault(route: Route, action: PublishAction, template: Template, other: Use, lines: KeyLines) -> Fault:
    beside = f"action {other[1].number} of route {other[0].name} (line {other[1].line})"
    path = ("routes", route.number - 1, "actions", action.number - 1, "version")
    return Fault(
        lines.line(path),
        dotted(path),
        f"version in {display(template.text)}, but {beside} also publishes to {display(other[2].text)}",
        "version only in a channel to which no other action publishes, because Centrifugo keeps one version per "
        "channel",
    )
