"""Warnings about paths that never have a value in the format of their route."""

from collections.abc import Iterator
from itertools import chain

from bridge.explaining.warnings import Warning
from bridge.formats.cloudevents import PREFIX
from bridge.routing.model import (
    Action,
    DisconnectAction,
    Idempotency,
    PublishAction,
    RefreshAction,
    Route,
    UnsubscribeAction,
    channels_of,
)
from bridge.routing.paths import Path
from bridge.routing.templates import Template


def format_warnings(route: Route) -> Iterator[Warning]:
    """The warnings about one route."""
    conditions = (condition.path for condition in (*route.early, *route.late))
    of_route = (path for path in (route.age_from, *conditions) if path is not None)
    yield from ((None, sentence) for sentence in _absent(route, of_route))
    if route.root is not None and (why := route.reader.why_absent(route.root.names)):
        yield None, f"root {route.root.text} is always absent: {why}"
    for action in route.actions:
        yield from ((action.number, sentence) for sentence in _absent(route, _paths(action)))
        if _needs_attributes(action) and not route.reader.has_attributes():
            yield (
                action.number,
                'idempotency = "event" needs attributes, and this format does not read them: every record would be '
                'dead-lettered; name the id of the event, as in { event = "{id}" } or { event = "{@header.ce_id}" }',
            )


def _absent(route: Route, paths: Iterator[Path]) -> Iterator[str]:
    for path in dict.fromkeys(paths):
        if why := _why_absent(route, path):
            yield f"{path.text} is always absent: {why}"


def _why_absent(route: Route, path: Path) -> str:
    """Why the path never has a value; "" if it may have one.

    Names are not checked if the route has a `root`: the object at the root may be JSON in a string, with any fields.
    """
    if path.names:
        return route.reader.why_absent(path.names) if route.root is None else ""
    if not path.from_data or route.reader.has_attributes():
        return ""
    return f"this format does not read attributes; a binary CloudEvent has this one in @header.{_header(path)}"


def _header(path: Path) -> str:
    return PREFIX + path.text.removeprefix("@ce.")


def _needs_attributes(action: Action) -> bool:
    if not isinstance(action, PublishAction):
        return False
    return action.idempotency.mode is Idempotency.EVENT and action.idempotency.template is None


def _paths(action: Action) -> Iterator[Path]:
    templates = chain(channels_of(action), _users(action))
    if isinstance(action, PublishAction):
        templates = chain(templates, _of_publication(action))
        yield from action.data_paths
    yield from (placeholder.path for template in templates for placeholder in template.placeholders)


def _users(action: Action) -> tuple[Template, ...]:
    return (action.user,) if isinstance(action, UnsubscribeAction | DisconnectAction | RefreshAction) else ()


def _of_publication(action: PublishAction) -> Iterator[Template]:
    yield from (template for _, template in action.tags)
    more = (action.version, action.version_epoch, action.idempotency.template)
    yield from (template for template in more if template is not None)
