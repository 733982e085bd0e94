"""Reads a policy file (TOML), as a whole: each problem names the rule, its line, and what to write instead."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from centrifugo_proxy.identity import TIERS
from centrifugo_proxy.policy import PLACEHOLDERS, WILDCARD, Action, ChannelRule, Policy, RpcRule, Rule, stands_for
from centrifugo_proxy.subject import FEATURES

KINDS: Final = ("channels", "rpc")
MAX_BYTES: Final = range(1, 16777217)
COMMON_KEYS: Final = ("match", "feature", "tiers", "sensitive")
CHANNEL_KEYS: Final = (*COMMON_KEYS, "allow", "max_publish_bytes", "skip_history", "ask_family_service")
RPC_KEYS: Final = (*COMMON_KEYS, "backend", "max_request_bytes")


class PolicyError(ValueError):
    """The file cannot be used. `problems` are sentences, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Refused(ValueError):
    """A value of a rule is not accepted; the message follows the rule's place."""


@dataclass
class _Rule:
    """A rule as it stands in the file, read key by key."""

    fields: Mapping[str, Any]
    known: tuple[str, ...]

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        if not isinstance(value, str) or not value:
            raise _Refused(f"{key} is {_seen(value)}; write a text such as {key} = {_example(key)}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.fields.get(key, default)
        if not isinstance(value, bool):
            raise _Refused(f"{key} is {_seen(value)}; write true or false")
        return value

    def one_of(self, key: str, accepted: Collection[str]) -> str | None:
        value = self.fields.get(key)
        if value is not None and value not in accepted:
            raise _Refused(f"{key} is {_seen(value)}; write one of {_listed(accepted)}")
        return value

    def some_of(self, key: str, accepted: Collection[str]) -> frozenset[str] | None:
        if key not in self.fields:
            return None
        value = self.fields[key]
        if not isinstance(value, list) or not value or any(word not in accepted for word in value):
            raise _Refused(f"{key} is {_seen(value)}; write a list out of {_listed(accepted)}")
        return frozenset(value)

    def size(self, key: str) -> int | None:
        value = self.fields.get(key)
        if value is not None and (type(value) is not int or value not in MAX_BYTES):
            raise _Refused(f"{key} is {_seen(value)}; write a number of bytes, {MAX_BYTES[0]}–{MAX_BYTES[-1]}")
        return value

    def no_unknown_keys(self) -> None:
        unknown = [key for key in self.fields if key not in self.known]
        if unknown:
            raise _Refused(f"{unknown[0]} is not a key of such a rule; there are {_listed(self.known)}")


@dataclass
class _Reader:
    """One reading of one file."""

    text: str
    path: str
    backends: Collection[str]
    family_service: bool
    problems: list[str] = field(default_factory=list)

    def read(self) -> Policy:
        document = self._document()
        for key in document:
            if key not in KINDS:
                self.problems.append(f"{self.path}: {key} is not known here; a policy has [[channels]] and [[rpc]].")
        channels = self._rules(document, "channels", self._channel_rule)
        rpc = self._rules(document, "rpc", self._rpc_rule)
        self.problems += _shadowed(self.path, "channels", channels, prefixes=False)
        self.problems += _shadowed(self.path, "rpc", rpc, prefixes=True)
        if self.problems:
            raise PolicyError(self.problems)
        return Policy(tuple(channels), tuple(rpc))

    def _document(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise PolicyError([f"{self.path}: not TOML: {error}."]) from None

    def _rules(self, document: Mapping[str, Any], kind: str, build: Callable[..., Any]) -> list[Any]:
        rules = document.get(kind, [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self.problems.append(f"{self.path}: {kind} is not a list of rules; write each as [[{kind}]].")
            return []
        lines = rule_lines(self.text, kind)
        built = []
        for number, fields in enumerate(rules, start=1):
            line = lines[number - 1] if len(lines) == len(rules) else 1
            try:
                built.append(build(fields, number, line))
            except _Refused as refused:
                self.problems.append(f"{place(self.path, kind, number, line)}: {refused}.")
        return built

    def _channel_rule(self, fields: Mapping[str, Any], number: int, line: int) -> ChannelRule:
        rule = _Rule(fields, CHANNEL_KEYS)
        rule.no_unknown_keys()
        allow = rule.some_of("allow", tuple(Action))
        if allow is None:
            raise _Refused('allow is missing; write for example allow = ["subscribe"]')
        asks = rule.flag("ask_family_service", default=False)
        if asks and not self.family_service:
            raise _Refused("ask_family_service is true, but FAMILY_SERVICE_GRPC_ADDRESS is not set; set it")
        return ChannelRule(
            match=rule.text("match"),
            segments=_channel_segments(rule.text("match")),
            number=number,
            line=line,
            feature=rule.one_of("feature", FEATURES),
            tiers=rule.some_of("tiers", TIERS),
            sensitive=rule.flag("sensitive", default=True),
            allow=frozenset(Action(word) for word in allow),
            max_publish_bytes=rule.size("max_publish_bytes"),
            skip_history=rule.flag("skip_history", default=False),
            ask_family_service=asks,
        )

    def _rpc_rule(self, fields: Mapping[str, Any], number: int, line: int) -> RpcRule:
        rule = _Rule(fields, RPC_KEYS)
        rule.no_unknown_keys()
        backend = rule.text("backend")
        if backend not in self.backends:
            known = f"RPC_BACKENDS has {_listed(self.backends)}" if self.backends else "RPC_BACKENDS is empty"
            raise _Refused(f"backend {backend!r} is not configured; {known}: add {backend}=host:port to it")
        return RpcRule(
            match=rule.text("match"),
            segments=_rpc_segments(rule.text("match")),
            number=number,
            line=line,
            feature=rule.one_of("feature", FEATURES),
            tiers=rule.some_of("tiers", TIERS),
            sensitive=rule.flag("sensitive", default=True),
            backend=backend,
            max_request_bytes=rule.size("max_request_bytes"),
        )


def read_policy(text: str, *, path: str, backends: Collection[str], family_service: bool) -> Policy:
    """The policy in `text`. Raises PolicyError with every problem there is."""
    return _Reader(text, path, backends, family_service).read()


def _channel_segments(match: str) -> tuple[str, ...]:
    segments = tuple(match.split(":"))
    for segment in segments:
        if segment != WILDCARD and segment not in PLACEHOLDERS and not stands_for(segment):
            raise _Refused(
                f"match {match!r} has the segment {segment!r}; between colons write a plain text, "
                f"{WILDCARD}, or one of {_listed(PLACEHOLDERS)} as a whole segment"
            )
    return segments


def _rpc_segments(match: str) -> tuple[str, ...]:
    segments = tuple(match.split("."))
    for segment in segments:
        if segment != WILDCARD and not stands_for(segment):
            raise _Refused(
                f"match {match!r} has the segment {segment!r}; between dots write a plain text or {WILDCARD}"
            )
    return segments


def _shadowed(path: str, kind: str, rules: list[Any], *, prefixes: bool) -> Iterator[str]:
    """Rules that never decide, because an earlier one matches whatever they match."""
    for index, rule in enumerate(rules):
        earlier = next((other for other in rules[:index] if _covers(other, rule, prefixes=prefixes)), None)
        if earlier is not None:
            yield (
                f"{place(path, kind, rule.number, rule.line)}: match {rule.match!r} can never decide, rule "
                f"{earlier.number} (line {earlier.line}, {earlier.match!r}) always does; put it before that rule, "
                "or remove it."
            )


def _covers(earlier: Rule, later: Rule, *, prefixes: bool) -> bool:
    own, other = earlier.segments, later.segments
    if prefixes and own[-1] == WILDCARD and len(other) > len(own):
        other = other[: len(own)]
    elif prefixes and other[-1] == WILDCARD and own[-1] != WILDCARD:
        return False
    return len(own) == len(other) and all(mine in (WILDCARD, theirs) for mine, theirs in zip(own, other, strict=True))


def rule_lines(text: str, kind: str) -> list[int]:
    """The lines, from 1, on which the rules of this kind begin."""
    header = re.compile(rf"\s*\[\[\s*{kind}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if header.match(line)]


def place(path: str, kind: str, number: int, line: int) -> str:
    """How a problem says where it is."""
    return f"{path}: line {line}, [[{kind}]] rule {number}"


def _seen(value: Any) -> str:
    return "missing" if value is None else repr(value)


def _listed(words: Collection[str]) -> str:
    return ", ".join(str(word) for word in words)


def _example(key: str) -> str:
    return {"match": '"family:{family_id}"', "backend": '"diary"'}.get(key, '"…"')
