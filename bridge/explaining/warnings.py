"""Warnings about valid routes that are probably mistakes."""

from collections.abc import Iterator
from itertools import chain

from bridge.routing.conflicts import Use, publications
from bridge.routing.model import (
    Action,
    DisconnectAction,
    PublishAction,
    RefreshAction,
    Route,
    Routes,
    UnsubscribeAction,
    channels_of,
    is_pattern,
)
from bridge.routing.templates import Template, shape

# The number of an action (None = the whole route), and a sentence.
Warning = tuple[int | None, str]  # noqa: A001


def warnings_of(route: Route, routes: Routes) -> Iterator[Warning]:
    """The warnings about one route of a file."""
    yield from _formats(route, routes)
    for action in route.actions:
        of_publication = _publication(action) if isinstance(action, PublishAction) else ()
        for sentence in chain(_namespace(action), _user(action), of_publication):
            yield action.number, sentence
    for use in publications([route]):
        if use[1].version is not None:
            for sentence in _version(use, routes):
                yield use[1].number, sentence


def _formats(route: Route, routes: Routes) -> Iterator[Warning]:
    """Warnings about a topic that another route reads in another format."""
    for topic in route.topics:
        for other in routes.of_topic(topic):
            if other.reader is not route.reader and not is_pattern(topic) and not route.early:
                yield (
                    None,
                    f"route {other.name} reads topic {topic} in another format: a record that this route cannot "
                    "read is dead-lettered; add a condition on @header or @key, so that this route gets only its own "
                    "records",
                )


def _namespace(action: Action) -> Iterator[str]:
    for template in channels_of(action):
        segments = shape(template)
        if len(segments) > 1 and segments[0] is None:
            yield (
                f"channel {template.text}: the event chooses the namespace; write the first segment as plain text if "
                "the producers of the topic must not choose it"
            )


def _user(action: Action) -> Iterator[str]:
    if isinstance(action, UnsubscribeAction | DisconnectAction | RefreshAction) and not action.user.placeholders:
        yield f"user {action.user.text} is the same for every event; to take it from the event, write a path in braces"


def _publication(action: PublishAction) -> Iterator[str]:
    if action.whole_event:
        yield 'data = "*" publishes the whole event: clients also get fields that producers add later'
    if action.version is not None and action.skip_history:
        yield "version has no effect with skip_history: Centrifugo compares versions only in the history"


def _version(use: Use, routes: Routes) -> Iterator[str]:
    _, action, template = use
    if not template.placeholders:
        yield (
            f"channel {template.text} is the same for all events: Centrifugo drops a publication if its version is "
            "not above the last version in the channel, so events about different things suppress each other; use "
            "version only if a channel carries the whole state of one thing"
        )
    if template.each is not None:
        yield (
            f"channel {template.text} belongs to one recipient and carries events about different things: Centrifugo "
            "compares the versions of all events in a channel, so these events suppress each other"
        )
    for other_route, other_action, other in publications(routes.routes):
        if other_action is not action and _may_meet(template, other) and shape(template) != shape(other):
            yield (
                f"channel {template.text} may be the same as {other.text}, to which action {other_action.number} of "
                f"route {other_route.name} publishes: the publications of that action do not carry this version"
            )


def _may_meet(one: Template, other: Template) -> bool:
    """True if two templates can produce the same channel."""
    pairs = list(zip(shape(one), shape(other), strict=False))
    return len(shape(one)) == len(shape(other)) and all(mine == its or None in (mine, its) for mine, its in pairs)
