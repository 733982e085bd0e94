"""YAML as Centrifugo reads it: v6 with go-yaml v3, and v5 with go-yaml v2.

https://pkg.go.dev/gopkg.in/yaml.v3#section-readme
"""

import math
import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

import yaml

CORE: Final = "tag:yaml.org,2002:"
UNTAGGED: Final = "untagged"  # our own tag, for scalars without quotes and without a tag

CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
V5_CONSTANTS: Final[dict[str, Any]] = {
    **CONSTANTS,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
RESOLVERS: Final = {None: [(f"{CORE}merge", re.compile(r"<<\Z")), (UNTAGGED, re.compile(""))]}
INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]{0,19})", re.ASCII)
OLD_OCTAL: Final = re.compile(r"^([-+]?0)([0-7]+)$", re.ASCII)
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
INT64: Final = range(-(2**63), 2**64)
# These messages of PyYAML quote more than one character of the file. The quoted text may contain a secret.
QUOTING: Final = re.compile(r"(found undefined (?:alias|tag handle)|duplicate tag handle) .*", re.DOTALL)


class RefusedError(ValueError):
    """Go cannot read this text. `line` and `column` count from 1. The message quotes at most one character of it."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def read(text: str, *, major: int) -> Any:
    """The first document of the text. Later documents are ignored. Raises RefusedError and RecursionError."""
    try:
        return next(yaml.load_all(text, V5Loader if major == 5 else Loader), None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = QUOTING.sub(r"\1", error.problem or "not YAML")
        raise RefusedError(problem, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = len(before) - before.rfind("\n")
        raise RefusedError(error.reason, before.count("\n") + 1, column) from None


class Loader(yaml.SafeLoader):
    """YAML as v6 (go-yaml v3) reads it.

    Duplicate keys are an error. Dates, yes and no are strings. Unknown tags have no effect.
    """

    constants = CONSTANTS
    keys_may_repeat = False
    yaml_constructors: ClassVar[dict[Any, Callable[[Any, Any], Any]]] = {}
    yaml_implicit_resolvers = RESOLVERS

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node. If an anchor is defined again, the newest definition counts."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Check for duplicate keys before merging, because a merged key may be equal to a key of the table itself."""
        node = super().compose_mapping_node(anchor)
        if not self.keys_may_repeat:
            refuse_repeated_keys(node)
        return node

    def untagged(self, text: str) -> Any:
        """The value of a scalar without quotes and without a tag."""
        if text in self.constants:
            return self.constants[text]
        number = number_of(text)
        return text if number is None else number

    def construct_untagged(self, node: yaml.ScalarNode) -> Any:
        return self.untagged(node.value)

    def construct_tagged(self, node: yaml.ScalarNode) -> Any:
        """The value of a scalar with a tag. Raises ConstructorError if the tag does not accept the value's type."""
        kinds, name = TAGGED[node.tag]
        value = self.untagged(node.value)
        if type(value) not in kinds:
            raise yaml.constructor.ConstructorError(None, None, f"found a value that is not {name}", node.start_mark)
        return value

    def construct_by_kind(self, node: yaml.Node) -> Any:
        """Construct the whole node at once. PyYAML then refuses a node that contains an alias of the same node."""
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return node.value


class V5Loader(Loader):
    """YAML as v5 (go-yaml v2) reads it: yes and no are booleans, and the last one of duplicate keys counts."""

    constants = V5_CONSTANTS
    keys_may_repeat = True


TAGGED: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    f"{CORE}int": ((int,), "an integer"),
    f"{CORE}float": ((int, float), "a number"),
    f"{CORE}bool": ((bool,), "true or false"),
    f"{CORE}null": ((type(None),), "null"),
}
Loader.add_constructor(None, Loader.construct_by_kind)
Loader.add_constructor(UNTAGGED, Loader.construct_untagged)
for _tag in TAGGED:
    Loader.add_constructor(_tag, Loader.construct_tagged)


def refuse_repeated_keys(node: yaml.MappingNode) -> None:
    """Raise ConstructorError at the second of two equal keys."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            problem = f"found a duplicate of the key in line {seen[key.value]}"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        seen[key.value] = key.start_mark.line + 1


def is_text(text: str) -> bool:
    """True if v5 and v6 both read this scalar as a string when it has no quotes."""
    return text not in V5_CONSTANTS and number_of(text) is None


def number_of(text: str) -> int | float | None:
    """The text as a number. None if it is not a number."""
    if not text.startswith(tuple("+-.0123456789")):
        return None
    plain = text.replace("_", "")
    if INTEGER.fullmatch(plain) and (whole := _integer(plain)) in INT64:
        return whole
    number = float(plain) if FLOAT.fullmatch(plain) else math.inf
    return number if math.isfinite(number) else None


def _integer(plain: str) -> int:
    """The value of an integer. Both 017 and 0o17 are octal."""
    return int(OLD_OCTAL.sub(r"\1o\2", plain), 0)
