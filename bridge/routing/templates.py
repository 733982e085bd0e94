"""Templates of a routes file: strings with `{placeholders}`, compiled when the file is read.

Which values a placeholder accepts depends on where it is used. An id in a channel must not choose a namespace, and must
not limit the channel to a user. Users and channels must not be empty: for Centrifugo, an empty user means all anonymous
users, and no client can subscribe to an empty channel.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bridge.commands import Reason
from bridge.event import ABSENT, Event, Unmappable
from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.paths import Path, find, parse_path
from common import channel_names

MAX_NAME_BYTES: Final = 255  # maximum length of a channel and of a user
MAX_ELEMENTS: Final = 10_000  # maximum length of a list, including duplicates
# A colon would choose a namespace; a comma separates the users of a user-limited channel.
RESERVED: Final = channel_names.RESERVED | {":", ","}
_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
GAP: Final = "\0"  # stand-in for a placeholder, see with_gaps
_NEEDED: Final = "a text that is not empty, or an integer"


class Rule(NamedTuple):
    """The strings and integers that a placeholder accepts. `accepted` describes them in messages."""

    fits: Callable[[str], bool]
    accepted: str


def is_segment(text: str) -> bool:
    """True if the text can be one segment of a channel: the channel policy accepts it, and it has no colon or comma."""
    # Most segments have only letters and digits. Checking this first saves a call.
    return text.isalnum() or (channel_names.is_plain_segment(text) and ":" not in text and "," not in text)


SEGMENT: Final = Rule(is_segment, f"text without white space and without {' '.join(sorted(RESERVED))}, or an integer")
PRINTABLE: Final = Rule(
    lambda text: text != "" and text.isprintable(), "printable text that is not empty, or an integer"
)
NOT_EMPTY: Final = Rule(bool, _NEEDED)
ANY_TEXT: Final = Rule(lambda text: True, "a text or an integer")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{path}`, or `{path?}` if it may be absent."""

    path: Path
    optional: bool
    rule: Rule

    @property
    def text(self) -> str:
        return f"{{{self.path.text}}}"

    def value(self, event: Event) -> Any:
        """The value with its type, or ABSENT if that is allowed. Raises Unmappable if a required value is absent."""
        value = self.path.get(event)
        if value is ABSENT and not self.optional:
            raise Unmappable(Reason.NO_SUCH_FIELD, f"{self.text} is absent")
        return value

    def fill(self, event: Event) -> str:
        """The text of the value. Raises Unmappable."""
        value = self.path.get(event)
        # The usual case is checked here for speed. as_text repeats the check and says what is wrong.
        return value if type(value) is str and self.rule.fits(value) else self.as_text(value)

    def as_text(self, value: Any) -> str:
        """The text of this value, if it is accepted here. Raises Unmappable."""
        if value is None or value is ABSENT:
            raise Unmappable(Reason.NO_SUCH_FIELD, f"{self.text} is {'null' if value is None else 'absent'}")
        text = str(value) if type(value) is int else value
        if not isinstance(text, str):
            raise Unmappable(Reason.BAD_PLACEHOLDER, f"{self.text} is {named(value)}; accepted: {self.rule.accepted}")
        if not self.rule.fits(text):
            seen = "empty" if text == "" else "a text with other characters"
            raise Unmappable(Reason.BAD_PLACEHOLDER, f"{self.text} is {seen}; accepted: {self.rule.accepted}")
        return text

    def elements(self, event: Event) -> Iterator[str]:
        """The texts of a list's elements. Raises Unmappable."""
        value = self.path.get(event)
        if value is ABSENT or value is None:
            raise Unmappable(Reason.NO_SUCH_FIELD, f"{self.text} is {'null' if value is None else 'absent'}")
        if not isinstance(value, list):
            raise Unmappable(Reason.BAD_PLACEHOLDER, f"{self.text} is {named(value)}; accepted: a list")
        if len(value) > MAX_ELEMENTS:
            raise Unmappable(
                Reason.TOO_MANY_CHANNELS, f"{self.text} has {len(value)} elements; accepted: at most {MAX_ELEMENTS}"
            )
        behind = self.path.each or ()
        return (self.as_text(find(element, behind)) for element in value)


def named(value: Any) -> str:
    """The type of the value, for a message that must not show the value."""
    kinds = {bool: "a boolean", int: "an integer", float: "a float", str: "a text", list: "a list", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), "binary")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders. `each` is the placeholder with `[]`, which takes each element of a list in turn.

    `fill` returns the text for an event. It raises Unmappable.
    """

    text: str
    parts: tuple[str | Placeholder, ...]
    each: Placeholder | None = None
    fill: Callable[[Event], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fill", _filler(self.parts))

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    def fill_if_there(self, event: Event) -> str | None:
        """The text; None if an optional placeholder is absent or null. Raises Unmappable."""
        if any(part.optional and part.path.get(event) in (ABSENT, None) for part in self.placeholders):
            return None
        return self.fill(event)

    def expand(self, event: Event) -> list[str]:
        """The text for each element of the list in its `each` placeholder. Raises Unmappable."""
        each = self.each
        if each is None:
            return [self.fill(event)]
        # Read the list first: if it is empty, the other placeholders are not needed.
        elements = list(each.elements(event))
        around = [
            part if isinstance(part, str) or part is each else part.fill(event) for part in self.parts if elements
        ]
        return ["".join([part if isinstance(part, str) else text for part in around]) for text in elements]


def _filler(parts: tuple[str | Placeholder, ...]) -> Callable[[Event], str]:
    """The function that fills a template. Common shapes have a faster function, because it runs for every event."""
    match parts:
        case (Placeholder() as placeholder,):
            return placeholder.fill
        case (str(before), Placeholder() as placeholder):
            return lambda event: before + placeholder.fill(event)
        case (str(before), Placeholder() as placeholder, str(after)):
            return lambda event: before + placeholder.fill(event) + after
    return lambda event: "".join([part if isinstance(part, str) else part.fill(event) for part in parts])


def parse_template(text: Any, rule: Rule, *, lists: bool = False, optional: bool = False) -> Template:
    """The template in `text`. `lists` allows placeholders with `[]`, `optional` allows placeholders with `?`.

    Raises NotAcceptedError.
    """
    if not isinstance(text, str):
        raise NotAcceptedError(display(text), 'a text, such as "{user_id}"')
    parts = tuple(_parts(text, rule, lists=lists, optional=optional))
    lists_of_it = [part for part in parts if isinstance(part, Placeholder) and part.path.each is not None]
    if len(lists_of_it) > 1:
        raise NotAcceptedError(display(text), "at most one [] in a template")
    return Template(text, parts, *lists_of_it)


def _parts(text: str, rule: Rule, *, lists: bool, optional: bool) -> Iterator[str | Placeholder]:
    literal = ""
    for token in _TOKEN.finditer(text):
        if token[0] in ("{", "}"):
            raise NotAcceptedError(display(text), "{path} for a placeholder, {{ and }} for braces")
        if token[1] is None:
            literal += {"{{": "{", "}}": "}"}.get(token[0], token[0])
            continue
        if literal:
            yield literal
        literal = ""
        yield _placeholder(token[1], rule, lists=lists, optional=optional)
    if literal:
        yield literal


def _placeholder(inside: str, rule: Rule, *, lists: bool, optional: bool) -> Placeholder:
    may_be_absent = inside.endswith("?")
    if may_be_absent and not optional:
        raise NotAcceptedError(display(f"{{{inside}}}"), "a placeholder without ?, because this value is required")
    return Placeholder(parse_path(inside.removesuffix("?"), lists=lists), may_be_absent, rule)


def parse_channel(text: Any) -> Template:
    """The template of a channel. Each segment is a placeholder or plain text. Raises NotAcceptedError."""
    template = parse_template(text, SEGMENT, lists=True)
    if "{{" in text or "}}" in text or GAP in text:
        raise NotAcceptedError(display(text), "printable text, with braces only around placeholders")
    for segment in with_gaps(template).split(":"):
        if segment != GAP and not is_segment(segment):
            raise NotAcceptedError(
                display(text),
                f"segments separated by colons, each a placeholder or a text without white space and without "
                f"{' '.join(sorted(RESERVED))}",
            )
    return _within_limit(template)


def parse_user(text: Any) -> Template:
    """The template of a user. Raises NotAcceptedError."""
    template = parse_template(text, PRINTABLE, lists=True)
    if not text or GAP in text or not with_gaps(template).replace(GAP, "x").isprintable():
        raise NotAcceptedError(display(text), 'printable text that is not empty, such as "{user_id}"')
    return _within_limit(template)


def _within_limit(template: Template) -> Template:
    literal = "".join(part for part in template.parts if isinstance(part, str))
    if len(literal.encode()) > MAX_NAME_BYTES:
        raise NotAcceptedError(f"a text of {len(literal.encode())} bytes", f"at most {MAX_NAME_BYTES} bytes")
    return template


def with_gaps(template: Template) -> str:
    """The text of the template, with GAP in place of each placeholder."""
    return "".join(part if isinstance(part, str) else GAP for part in template.parts)


def shape(template: Template) -> tuple[str | None, ...]:
    """The segments of a channel template, with None for placeholders."""
    return tuple(None if segment == GAP else segment for segment in with_gaps(template).split(":"))
