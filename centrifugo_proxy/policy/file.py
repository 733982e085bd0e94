"""Reads a policy file (TOML). Reports all problems of its rules at once, each with its place and the remedy."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from centrifugo_proxy.peers.identity import TIERS
from centrifugo_proxy.policy.owner import FEATURES
from centrifugo_proxy.policy.rules import (
    PLACEHOLDERS,
    WILDCARD,
    Action,
    ChannelRule,
    Policy,
    RpcRule,
    Rule,
)
from common.channel_names import RESERVED, is_plain_segment
from common.printable import printable

KINDS: Final = ("channels", "rpc")
MAX_BYTES: Final = range(1, 16777217)
COMMON_KEYS: Final = ("match", "feature", "tiers", "sensitive")
CHANNEL_KEYS: Final = (*COMMON_KEYS, "allow", "max_publish_bytes", "skip_history", "ask_family_service")
RPC_KEYS: Final = (*COMMON_KEYS, "backend", "max_request_bytes")


class PolicyError(ValueError):
    """The file cannot be used. `problems` are sentences, safe to print. Each begins with the path."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = [printable(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


@dataclass
class _Rule:
    """A rule of the file, read key by key. A bad value adds a problem, and is replaced by a harmless default."""

    fields: Mapping[str, Any]
    known: tuple[str, ...]
    problems: list[str] = field(default_factory=list)

    def refuse(self, problem: str) -> None:
        self.problems.append(problem)

    def text(self, key: str, example: str) -> str:
        value = self.fields.get(key)
        if isinstance(value, str) and value:
            return value
        self.refuse(f'{key} is {_seen(value)}; write text such as {key} = "{example}"')
        return ""

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.fields.get(key, default)
        if isinstance(value, bool):
            return value
        self.refuse(f"{key} is {_seen(value)}; write true or false")
        return default

    def one_of(self, key: str, accepted: Collection[str]) -> str | None:
        value = self.fields.get(key)
        if value is None or value in accepted:
            return value
        self.refuse(f"{key} is {_seen(value)}; write one of {_listed(accepted)}")
        return None

    def some_of(self, key: str, accepted: Collection[str]) -> frozenset[str] | None:
        if key not in self.fields:
            return None
        value = self.fields[key]
        if isinstance(value, list) and value and all(word in accepted for word in value):
            return frozenset(value)
        self.refuse(f"{key} is {_seen(value)}; write a list of one or more of {_listed(accepted)}")
        return None

    def size(self, key: str, max_body_bytes: int) -> int | None:
        value = self.fields.get(key)
        if value is None:
            return None
        if type(value) is not int or value not in MAX_BYTES:
            self.refuse(f"{key} is {_seen(value)}; write a number of bytes, {MAX_BYTES[0]}–{MAX_BYTES[-1]}")
        elif value > max_body_bytes:
            self.refuse(
                f"{key} is {value}, but PROXY_MAX_BODY_BYTES refuses every request above {max_body_bytes} bytes; "
                f"write {max_body_bytes} or less, or raise PROXY_MAX_BODY_BYTES"
            )
        else:
            return value
        return None

    def segments(self, separator: str, apart: str, accepted: Collection[str], example: str) -> tuple[str, ...]:
        """The segments of `match`: each is plain text or one of `accepted`."""
        match = self.text("match", example)
        segments = tuple(match.split(separator)) if match else ()
        for segment in dict.fromkeys(segments):
            if segment not in accepted and not is_plain_segment(segment):
                self.refuse(
                    f"match {match!r} has the segment {segment!r}; between {apart} write {_listed(accepted)}, "
                    f"or plain text without white space and without {' '.join(sorted(RESERVED))}"
                )
        return segments

    def look_for_unknown_keys(self) -> None:
        for key in self.fields:
            if key not in self.known:
                self.refuse(f"{key!r} is not a key of this kind of rule; the keys are {_listed(self.known)}")


T = TypeVar("T", ChannelRule, RpcRule)
Build = Callable[[_Rule, int, int], T]


@dataclass
class _Reader:
    """Reads one file once."""

    text: str
    path: str
    backends: Collection[str]
    family_service: bool
    max_body_bytes: int
    problems: list[str] = field(default_factory=list)

    def read(self) -> Policy:
        document = self._document()
        for key in document:
            if key not in KINDS:
                self.problems.append(
                    f"{self.path}: the key {key!r} is unknown; a policy has only [[channels]] and [[rpc]]."
                )
        channels = self._rules(document, "channels", CHANNEL_KEYS, self._channel_rule)
        rpc = self._rules(document, "rpc", RPC_KEYS, self._rpc_rule)
        self.problems += _shadowed(self.path, "channels", channels, prefixes=False)
        self.problems += _shadowed(self.path, "rpc", rpc, prefixes=True)
        if self.problems:
            raise PolicyError(self.problems)
        return Policy(tuple(channels), tuple(rpc))

    def _document(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise PolicyError([f"{self.path}: not TOML: {error}."]) from None

    def _rules(self, document: Mapping[str, Any], kind: str, known: tuple[str, ...], build: Build[T]) -> list[T]:
        rules = document.get(kind, [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self.problems.append(f"{self.path}: {kind} is not a list of rules; write each as [[{kind}]].")
            return []
        built = []
        for number, (fields, line) in enumerate(zip(rules, rule_lines(self.text, kind, len(rules)), strict=True), 1):
            rule = _Rule(fields, known)
            rule.look_for_unknown_keys()
            whole = build(rule, number, line)
            self.problems += [f"{place(self.path, kind, number, line)}: {problem}." for problem in rule.problems]
            built += [whole] if whole.segments else []  # a rule with a problem can also shadow another rule
        return built

    def _channel_rule(self, rule: _Rule, number: int, line: int) -> ChannelRule:
        ask_family_service = rule.flag("ask_family_service", default=False)
        if ask_family_service and not self.family_service:
            rule.refuse("ask_family_service is true, but FAMILY_SERVICE_GRPC_ADDRESS is not set; set it")
        return ChannelRule(
            segments=rule.segments(":", "colons", (WILDCARD, *PLACEHOLDERS), "family:{family_id}"),
            match=rule.fields.get("match", ""),
            number=number,
            line=line,
            feature=rule.one_of("feature", FEATURES),
            tiers=rule.some_of("tiers", TIERS),
            sensitive=rule.flag("sensitive", default=True),
            allow=_allowed(rule),
            max_publish_bytes=rule.size("max_publish_bytes", self.max_body_bytes),
            skip_history=rule.flag("skip_history", default=False),
            ask_family_service=ask_family_service,
        )

    def _rpc_rule(self, rule: _Rule, number: int, line: int) -> RpcRule:
        return RpcRule(
            segments=rule.segments(".", "dots", (WILDCARD,), "diary.*"),
            match=rule.fields.get("match", ""),
            number=number,
            line=line,
            feature=rule.one_of("feature", FEATURES),
            tiers=rule.some_of("tiers", TIERS),
            sensitive=rule.flag("sensitive", default=True),
            backend=self._backend(rule),
            max_request_bytes=rule.size("max_request_bytes", self.max_body_bytes),
        )

    def _backend(self, rule: _Rule) -> str:
        backend = rule.text("backend", "diary")
        if backend and backend not in self.backends:
            known = f"RPC_BACKENDS has {_listed(self.backends)}" if self.backends else "RPC_BACKENDS is empty"
            rule.refuse(f"backend {backend!r} is not configured; {known}: add {backend}=host:port to it")
        return backend


def _allowed(rule: _Rule) -> frozenset[Action]:
    allow = rule.some_of("allow", tuple(Action))
    if "allow" not in rule.fields:
        rule.refuse('allow is missing; write for example allow = ["subscribe"]')
    return frozenset(Action(word) for word in allow or ())


def read_policy(
    text: str,
    *,
    path: str,
    backends: Collection[str],
    family_service: bool,
    max_body_bytes: int = MAX_BYTES[-1],
) -> Policy:
    """The policy in `text`. Raises PolicyError with all problems, or with the first one if the text is not TOML.

    `path` is the name of the file for messages. `backends` are the names in RPC_BACKENDS. `family_service` is true if a
    family service is configured. `max_body_bytes` is the size of the largest request that the service accepts.
    """
    return _Reader(text, path, backends, family_service, max_body_bytes).read()


def _shadowed(path: str, kind: str, rules: list[Any], *, prefixes: bool) -> Iterator[str]:
    """A problem for each rule that never decides, because an earlier rule matches everything that this rule matches.

    A wildcard counts as matching everything that a placeholder matches. Ids that only the placeholder matches are
    ignored here: they are not plain (`is_plain_segment`).
    """
    for index, rule in enumerate(rules):
        earlier = next((other for other in rules[:index] if _covers(other, rule, prefixes=prefixes)), None)
        if earlier is not None:
            yield (
                f"{place(path, kind, rule.number, rule.line)}: match {rule.match!r} never decides, because rule "
                f"{earlier.number} (line {earlier.line}, {earlier.match!r}) matches first; move this rule before rule "
                f"{earlier.number}, or remove it."
            )


def _covers(earlier: Rule, later: Rule, *, prefixes: bool) -> bool:
    own, other = earlier.segments, later.segments
    if prefixes and own[-1] == WILDCARD and len(other) > len(own):
        other = other[: len(own)]
    return len(own) == len(other) and all(mine in (WILDCARD, theirs) for mine, theirs in zip(own, other, strict=True))


def rule_lines(text: str, kind: str, count: int) -> list[int]:
    """The line numbers, from 1, on which the `count` rules of this kind begin."""
    lines = list(enumerate(text.split("\n"), start=1))
    key = rf"""\s*["']?{kind}["']?\s*"""
    headers = [number for number, line in lines if re.match(rf"\s*\[\[{key}\]\]", line)]
    if len(headers) == count:
        return headers
    # The rules are written as one array, or in another form that does not show where each rule begins.
    array = re.compile(rf"{key}=")
    return [next((number for number, line in lines if array.match(line)), next(iter(headers), 1))] * count


def place(path: str, kind: str, number: int, line: int) -> str:
    """The place of a rule, with which each problem of the rule begins."""
    return f"{path}: line {line}, [[{kind}]] rule {number}"


def _seen(value: Any) -> str:
    try:
        return "missing" if value is None else repr(value)
    except ValueError:  # Python does not write numbers of more than 4300 digits, but TOML may have one in hexadecimal
        return "a number with too many digits"


def _listed(words: Collection[str]) -> str:
    return ", ".join(str(word) for word in words)
