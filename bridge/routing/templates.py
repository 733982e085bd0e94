"""Templates of a routes file: texts with `{placeholders}`, compiled when the file is read.

What a placeholder may stand for depends on where it is. An id in a channel must not choose a namespace or limit the
channel to a user. Nothing may be empty: Centrifugo takes an empty user for all anonymous ones, and an empty channel for
all channels.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bridge.commands import Reason
from bridge.event import ABSENT, Event, Unmappable
from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.paths import Path, find, parse_path
from common import channel_names

MAX_NAME_BYTES: Final = 255  # of a channel and of a user
MAX_ELEMENTS: Final = 10_000  # of a list: the names that differ are counted after all of them are made
# A colon would choose a namespace, a comma would part the users of a channel that is limited to some.
RESERVED: Final = channel_names.RESERVED | {":", ","}
_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
GAP: Final = "\0"  # stands for a placeholder while a channel's segments are looked at
_NEEDED: Final = "a text that is not empty, or an integer"


class Rule(NamedTuple):
    """What the value of a placeholder may be, when it is a text or an integer."""

    fits: Callable[[str], bool]
    accepted: str


def is_segment(text: str) -> bool:
    """Whether the text can be one segment of a channel: one that the channel policy can judge, and no list."""
    # Most are letters and digits. Asked here first, this saves a call.
    return text.isalnum() or (channel_names.is_plain_segment(text) and ":" not in text and "," not in text)


SEGMENT: Final = Rule(is_segment, f"text without white space and {' '.join(sorted(RESERVED))}, or an integer")
PRINTABLE: Final = Rule(
    lambda text: text != "" and text.isprintable(), "printable text that is not empty, or an integer"
)
NOT_EMPTY: Final = Rule(bool, _NEEDED)
ANY_TEXT: Final = Rule(lambda text: True, "a text or an integer")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{path}`, or `{path?}` for one that may be absent."""

    path: Path
    optional: bool
    rule: Rule

    @property
    def text(self) -> str:
        return f"{{{self.path.text}}}"

    def value(self, event: Event) -> Any:
        """The value with its type. ABSENT when it may be absent and is; raises Unmappable when it may not be."""
        value = self.path.get(event)
        if value is ABSENT and not self.optional:
            raise Unmappable(Reason.NO_SUCH_FIELD, f"{self.text} is absent")
        return value

    def fill(self, event: Event) -> str:
        """The text of the value. Raises Unmappable."""
        value = self.path.get(event)
        # Nearly all values; as_text, which says what is wrong, repeats this.
        return value if type(value) is str and self.rule.fits(value) else self.as_text(value)

    def as_text(self, value: Any) -> str:
        """The text of this value, when it may stand here. Raises Unmappable."""
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
                Reason.TOO_MANY_CHANNELS, f"{self.text} has {len(value)} elements; accepted: {MAX_ELEMENTS}"
            )
        behind = self.path.each or ()
        return (self.as_text(find(element, behind)) for element in value)


def named(value: Any) -> str:
    """What kind of value this is, for a message that must not show it."""
    kinds = {bool: "a boolean", int: "an integer", float: "a float", str: "a text", list: "a list", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), "binary")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders. `each` is the one that stands for each element of a list."""

    text: str
    parts: tuple[str | Placeholder, ...]
    each: Placeholder | None = None

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    def fill(self, event: Event) -> str:
        """The text. Raises Unmappable."""
        return "".join([part if isinstance(part, str) else part.fill(event) for part in self.parts])

    def fill_if_there(self, event: Event) -> str | None:
        """The text, None when a placeholder that may be absent is absent or null. Raises Unmappable."""
        if any(part.optional and part.path.get(event) in (ABSENT, None) for part in self.placeholders):
            return None
        return self.fill(event)

    def expand(self, event: Event) -> list[str]:
        """The text, once for each element of the list that it names. Raises Unmappable."""
        each = self.each
        if each is None:
            return [self.fill(event)]
        # The list first: when it is empty, nothing else is needed.
        elements = list(each.elements(event))
        around = [
            part if isinstance(part, str) or part is each else part.fill(event) for part in self.parts if elements
        ]
        return ["".join([part if isinstance(part, str) else text for part in around]) for text in elements]


def parse_template(text: Any, rule: Rule, *, lists: bool = False, optional: bool = False) -> Template:
    """The template in `text`. Its placeholders may be lists with `lists`, and absent with `optional`.

    Raises NotAcceptedError.
    """
    if not isinstance(text, str):
        raise NotAcceptedError(display(text), 'a text, such as "{user_id}"')
    parts = tuple(_parts(text, rule, lists=lists, optional=optional))
    lists_of_it = [part for part in parts if isinstance(part, Placeholder) and part.path.each is not None]
    if len(lists_of_it) > 1:
        raise NotAcceptedError(display(text), "one [] in a template")
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
        raise NotAcceptedError(display(f"{{{inside}}}"), "a placeholder without ?, as this must not be absent")
    return Placeholder(parse_path(inside.removesuffix("?"), lists=lists), may_be_absent, rule)


def parse_channel(text: Any) -> Template:
    """The template of a channel: each of its segments is a placeholder or plain text. Raises NotAcceptedError."""
    template = parse_template(text, SEGMENT, lists=True)
    if "{{" in text or "}}" in text or GAP in text:
        raise NotAcceptedError(display(text), "printable text, its braces only around placeholders")
    for segment in with_gaps(template).split(":"):
        if segment != GAP and not is_segment(segment):
            raise NotAcceptedError(
                display(text),
                f"segments between colons, each a placeholder or a text without white space and "
                f"{' '.join(sorted(RESERVED))}",
            )
    return _within_limit(template)


def parse_user(text: Any) -> Template:
    """The template of a user. Raises NotAcceptedError."""
    template = parse_template(text, PRINTABLE, lists=True)
    if not with_gaps(template).replace(GAP, "x").isprintable() or not template.text:
        raise NotAcceptedError(display(text), 'printable text that is not empty, such as "{user_id}"')
    return _within_limit(template)


def _within_limit(template: Template) -> Template:
    literal = "".join(part for part in template.parts if isinstance(part, str))
    if len(literal.encode()) > MAX_NAME_BYTES:
        raise NotAcceptedError(f"a text of {len(literal.encode())} bytes", f"at most {MAX_NAME_BYTES} bytes")
    return template


def with_gaps(template: Template) -> str:
    return "".join(part if isinstance(part, str) else GAP for part in template.parts)


def shape(template: Template) -> tuple[str | None, ...]:
    """The segments of a channel, None for placeholders: two templates of one shape can name the same channel."""
    return tuple(None if segment == GAP else segment for segment in with_gaps(template).split(":"))
