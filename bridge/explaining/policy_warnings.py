"""Warnings about routes that do not fit the channel policy.

The policy should let clients subscribe to the channels of the routes. All routes should fill a placeholder of the
policy with the same field.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from bridge.explaining.facts import PolicyFacts
from bridge.explaining.warnings import Warning
from bridge.routing.conflicts import publications
from bridge.routing.model import Route, Routes
from bridge.routing.templates import Placeholder, Template, is_segment, shape

WILDCARD: Final = "*"


def policy_warnings(route: Route, routes: Routes, rules: Sequence[PolicyFacts]) -> Iterator[Warning]:
    """The warnings about one route."""
    for _, action, template in publications([route]):
        rule = _deciding(template, rules)
        if rule is None:
            yield (
                action.number,
                f"channel {template.text}: the policy lets no client subscribe to it; change the policy, or remove the "
                "route",
            )
            continue
        for sentence in _filled_otherwise(template, rule, routes):
            yield action.number, sentence


def _deciding(template: Template, rules: Sequence[PolicyFacts]) -> PolicyFacts | None:
    """The first rule that may allow subscribing to a channel of the template.

    None if no rule may allow it, or if an earlier rule refuses all channels of the template.
    """
    for rule in rules:
        if _may_match(template, rule):
            if rule.subscribe:
                return rule
            if all(segment in (WILDCARD, own) for segment, own in zip(rule.segments, shape(template), strict=True)):
                return None
    return None


def _may_match(template: Template, rule: PolicyFacts) -> bool:
    segments = shape(template)
    return len(segments) == len(rule.segments) and all(map(_may_be, rule.segments, segments))


def _may_be(wanted: str, own: str | None) -> bool:
    """True if a rule's segment can match a template's segment (None = a placeholder)."""
    if own is None or own == wanted:
        return True
    return is_segment(own) if wanted == WILDCARD else _is_placeholder(wanted)


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{")


def _id_of(placeholder: str) -> str:
    return placeholder.strip("{}")


def _filled_otherwise(template: Template, rule: PolicyFacts, routes: Routes) -> Iterator[str]:
    """Warnings if another action fills a placeholder of the rule with another field than this action.

    The policy compares a placeholder with one id of the client, so only one of the fields can be right.
    """
    own = _fillings(template, rule)
    for other_route, other_action, other in publications(routes.routes):
        if not _may_match(other, rule):
            continue
        theirs = _fillings(other, rule)
        for number, name in own.items():
            if number in theirs and theirs[number] != name and other is not template:
                yield (
                    f"channel {template.text}: this action fills {rule.segments[number]} in the policy's rule "
                    f"{rule.match} ({rule.place}) with {name}, but action {other_action.number} of route "
                    f"{other_route.name} fills it with {theirs[number]}; the policy compares it with the client's "
                    f"{_id_of(rule.segments[number])}, so only one of the two fields can be right"
                )


def _fillings(template: Template, rule: PolicyFacts) -> dict[int, str]:
    """What fills each placeholder of the rule, by segment number: the last name of a path, or plain text."""
    placeholders = iter(template.placeholders)
    fillings = {}
    for number, segment in enumerate(shape(template)):
        filled = _name(next(placeholders)) if segment is None else segment
        if _is_placeholder(rule.segments[number]):
            fillings[number] = filled
    return fillings


def _name(placeholder: Placeholder) -> str:
    return placeholder.path.text.replace("[]", "").rsplit(".", maxsplit=1)[-1]
