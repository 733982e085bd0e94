"""Reads a routes file (TOML), and finds all its faults."""

import re
import tomllib
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bridge.routing.action_file import parse_idempotency, read_action
from bridge.routing.conditions import parse_condition
from bridge.routing.conflicts import version_conflicts
from bridge.routing.faults import Fault, NotAcceptedError, RoutesError, display
from bridge.routing.model import Action, IdempotencyKey, Route, Routes, is_pattern
from bridge.routing.readers import Readers, ReadFile
from bridge.routing.section import Document, Section, integer
from bridge.routing.shared import SHARED, Shared, read_shared
from bridge.routing.toml_lines import KeyLines
from bridge.topic_names import is_topic
from common.files import DESCRIPTOR_BYTES, TEXT_BYTES, read_file
from common.os_errors import reason

GRAMMAR_VERSION: Final = 1
MAX_ROUTES: Final = 256
MAX_ACTIONS: Final = 16
DEFAULTS: Final = (*SHARED, "idempotency")
ROUTE: Final = ("name", "topics", *SHARED, "where", "actions")
TOP: Final = ("version", "defaults", "routes")
_NAME: Final = re.compile(r"[a-z0-9-]{2,40}")
_LINE: Final = re.compile(r"line (\d+)")
# Three programs match the patterns of topics: the bridge (Python), librdkafka (POSIX extended, of the C library), and
# the brokers (RE2/J, in the consumer protocol). They read the constructs in this expression differently.
_READ_DIFFERENTLY: Final = re.compile(r"\(\?|[*+?}][+?]|\{(?!\d)|\\[A-Za-z0-9<>`']|\[\^?\]?[^\]]*(?:\\|\[[:.=])")


def load_routes(file: str) -> Routes:
    """Read the routes of this file. A path in `descriptor` is relative to the folder of `file`. Raises RoutesError."""
    folder = Path(file).parent
    try:
        content = read_file(file, TEXT_BYTES)
    except OSError as error:
        raise RoutesError(file, [Fault(1, "file", f"a file that cannot be read ({reason(error)})", "TOML")]) from None
    try:
        return read_routes(content.decode("utf-8-sig"), file, lambda name: read_file(folder / name, DESCRIPTOR_BYTES))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RoutesError(file, [Fault(line, "file", "text that is not UTF-8", "TOML in UTF-8")]) from None


def read_routes(text: str, file: str, read: ReadFile) -> Routes:
    """The routes in `text`. `file` is for messages. `read` reads the file in `descriptor`, or raises OSError.

    Raises RoutesError with the faults of all keys, or with only the first TOML error if the text is not valid TOML.
    """
    tree = _tree(text, file)
    document = Document(KeyLines(text))
    routes = _Reader(document, Readers(read)).read(tree)
    if document.faults:
        raise RoutesError(file, document.faults, [(route.name, route.line) for route in routes if route.name])
    return Routes(file, routes)


def _tree(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise RoutesError(file, [Fault(1, "file", "tables nested too deeply", "TOML")]) from None
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        number = int(line[1]) if line else text.rstrip("\n").count("\n") + 1
        raise RoutesError(file, [Fault(number, "file", f"invalid TOML: {error}", "TOML")]) from None
    except ValueError:  # from int(), which accepts only a limited number of digits
        raise RoutesError(file, [Fault(1, "file", "a number with too many digits", "TOML")]) from None


@dataclass
class _Reader:
    """Reads one file. An instance is used only once."""

    document: Document
    readers: Readers
    names: dict[str, int] = field(default_factory=dict)

    def read(self, tree: dict[str, Any]) -> tuple[Route, ...]:
        top = Section(self.document, (), tree)
        top.refuse_unknown(TOP)
        top.need("version", integer(GRAMMAR_VERSION, GRAMMAR_VERSION), f"version = {GRAMMAR_VERSION}", GRAMMAR_VERSION)
        shared = self._defaults(top)
        sections = enumerate(top.sections("routes", MAX_ROUTES), 1)
        routes = tuple(self._route(section, number, shared) for number, section in sections)
        self.document.faults.extend(version_conflicts(routes, self.document.lines))
        return routes

    def _defaults(self, top: Section) -> Shared:
        table = top.table.get("defaults", {})
        if not isinstance(table, dict):
            top.fault("defaults", display(table), "a table: [defaults]")
            return Shared()
        section = Section(self.document, ("defaults",), table)
        section.refuse_unknown(DEFAULTS)
        shared = read_shared(section, Shared())
        return replace(shared, idempotency=section.get("idempotency", parse_idempotency, shared.idempotency))

    def _route(self, section: Section, number: int, defaults: Shared) -> Route:
        section.refuse_unknown(ROUTE)
        shared = read_shared(section, defaults)
        where = () if section.table.get("where", []) == [] else section.items("where", parse_condition, "a list")
        actions = self._actions(section, shared.idempotency)
        return Route(
            name=self._name(section),
            number=number,
            line=section.line,
            topics=_topics(section),
            reader=self.readers.choose(section, shared),
            root=shared.root,
            early=tuple(condition for condition in where if not condition.path.from_data),
            late=tuple(condition for condition in where if condition.path.from_data),
            max_age_ms=shared.max_age_ms,
            age_from=shared.age_from,
            on_too_old=shared.on_too_old,
            on_tombstone=shared.on_tombstone,
            actions=actions,
        )

    def _name(self, section: Section) -> str:
        name = section.need("name", _name, 'a name such as "diary-entry"', "")
        if name in self.names and name:
            section.fault("name", f"{display(name)}, as on line {self.names[name]}", "a different name for each route")
        self.names.setdefault(name, section.line)
        return name

    def _actions(self, section: Section, idempotency: IdempotencyKey) -> tuple[Action, ...]:
        sections = enumerate(section.sections("actions", MAX_ACTIONS), 1)
        actions = (read_action(action, number, idempotency) for number, action in sections)
        return tuple(action for action in actions if action is not None)


def _name(value: Any) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise NotAcceptedError(display(value), "2 to 40 characters: a–z, 0–9 and -")


def _topics(section: Section) -> tuple[str, ...]:
    topics = section.items("topics", _topic, 'a list of topics such as ["diary.entry.created.v1"]')
    if len(set(topics)) < len(topics):
        section.fault("topics", display(section.table["topics"]), "different topics")
    return topics


def _topic(value: Any) -> str:
    if isinstance(value, str) and is_pattern(value):
        return _pattern(value)
    if isinstance(value, str) and is_topic(value):
        return value
    raise NotAcceptedError(
        display(value), "a topic (1 to 249 letters, digits, . _ and -), or a pattern that begins with ^"
    )


def _pattern(value: str) -> str:
    if _READ_DIFFERENTLY.search(value) or len(value) == 1:
        raise NotAcceptedError(
            display(value),
            "^ and a pattern without (?, +? or similar, \\d, \\< or similar, { without a number, [:…:], \\ inside []",
        )
    try:
        with warnings.catch_warnings(action="error"):  # FutureWarning: a later Python may read a set differently
            re.compile(value)
    except (re.error, FutureWarning, RecursionError, OverflowError):
        raise NotAcceptedError(display(value), "a regular expression") from None
    return value
