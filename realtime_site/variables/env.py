"""Reads the environment: converts and validates each value, and reports all problems together.

Each method that reads a variable takes its name and its default. It records both, for tests that compare them with the
documentation. It also records the value in effect. For a bad value, it records a problem: the value (unless it is a
secret) and a description of the accepted values.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from bridge.topic_names import is_topic
from common.hidden_text import HiddenText, UrlText
from common.safe_path import safe_path
from common.without_credentials import without_credentials
from realtime_site.variables.hosts import is_host
from realtime_site.variables.targets import grpc_target, is_host_port

INTEGER = re.compile(r"-?[0-9]{1,18}")
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,18})?")
BACKEND_NAME = re.compile(r"[A-Za-z0-9_-]+")
KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
REFERENCE = "a value, or $NAME, if the variable NAME is set to a value that does not begin with $"
T = TypeVar("T")
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


@dataclass
class Environment:
    """Reads variables with a django-environ `Env`. Most methods treat an empty value as unset; the others say so."""

    env: environ.Env = field(default_factory=environ.Env)
    defaults: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    effective: dict[str, Any] = field(default_factory=dict)  # values for logs: for a secret only whether it is set

    def text(self, name: str, default: str) -> str:
        """Any text without the white space around it. An explicit empty value stays empty.

        $NAME stands for the value of another variable.
        """
        value = self._text(name, default, display=self.env.ENVIRON.get(name, ""))
        self.effective[name] = without_credentials(value)
        return value

    def path(self, name: str) -> str:
        """The path of a file, empty by default.

        Logs show the value only if it looks like a path, because an operator may set a secret here by mistake.
        """
        value = self._text(name, "", display="$…")
        self.effective[name] = value and safe_path(value)
        return value

    def _text(self, name: str, default: str, display: str) -> str:
        self.defaults[name] = default
        raw = self.env.ENVIRON.get(name, "")
        if raw.startswith("$") and self.env.ENVIRON.get(raw.lstrip("$"), "$").startswith("$"):
            self._refuse(name, display, REFERENCE)
            return default  # django-environ would use the default silently, or follow references, perhaps without end
        return str(self.env.str(name, default=default)).strip()

    def secret(self, name: str) -> str:
        """A secret, empty by default.

        This method does not use Env.str(), which treats a value that starts with "$" as the name of another variable.
        """
        self.defaults[name] = ""
        value = HiddenText(self.env.ENVIRON.get(name, ""))
        self.effective[name] = value and "set"
        return value

    def secret_value(self, name: str, convert: Callable[[str], T]) -> T:
        """The converted secret, which is never shown. For `convert`, see `value`."""
        try:
            return convert(self.secret(name))
        except ValueError as error:
            self.problems.append(f"{name} is set, but cannot be read; accepted: {error}.")
            return convert("")

    def value(self, name: str, default: str, convert: Callable[[str], T]) -> T:
        """The value that `convert` returns. `convert` raises ValueError; its message says what is accepted."""
        return self._read(name, default, convert)

    def integer(self, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
        """A whole number from `low` to `high`, both included."""
        accepted = "an integer" if low is None else f"an integer >= {low}" if high is None else f"{low}–{high}"

        def convert(raw: str) -> int:
            number = int(raw) if INTEGER.fullmatch(raw) else None
            if number is None or (low is not None and number < low) or (high is not None and number > high):
                raise ValueError(accepted)
            return number

        return self._read(name, str(default), convert)

    def integer_or_zero(self, name: str, default: int, low: int, high: int) -> int:
        """0 (off) or a whole number within the bounds."""

        def convert(raw: str) -> int:
            if INTEGER.fullmatch(raw) and (int(raw) == 0 or low <= int(raw) <= high):
                return int(raw)
            raise ValueError(f"0 (off), or {low}–{high}")

        return self._read(name, str(default), convert)

    def integer_or_auto(self, name: str, low: int, high: int) -> int:
        """A whole number within the bounds, or 0 for `auto`, which is the default."""

        def convert(raw: str) -> int:
            if raw.lower() == "auto":
                return 0
            if INTEGER.fullmatch(raw) and low <= int(raw) <= high:
                return int(raw)
            raise ValueError(f"auto, or {low}–{high}")

        number = self._read(name, "auto", convert)
        self.effective[name] = number or "auto"
        return number

    def ratio(self, name: str, default: str) -> float:
        """A decimal number from 0 to 1."""

        def convert(raw: str) -> float:
            if DECIMAL.fullmatch(raw) and float(raw) <= 1:
                return float(raw)
            raise ValueError("0.0–1.0")

        return self._read(name, default, convert)

    def flag(self, name: str, default: bool) -> bool:
        """A boolean. A misspelt value is refused, not read as false."""

        def convert(raw: str) -> bool:
            if raw.lower() in TRUE + FALSE:
                return raw.lower() in TRUE
            raise ValueError(", ".join(TRUE + FALSE))

        return self._read(name, str(default).lower(), convert)

    def one_of(self, name: str, default: str, accepted: Iterable[str]) -> str:
        """One of the accepted words, in upper or lower case."""
        words = tuple(accepted)

        def convert(raw: str) -> str:
            if raw.lower() in words:
                return raw.lower()
            raise ValueError(", ".join(word or "or empty" for word in words))

        return self._read(name, default, convert)

    def optional_host(self, name: str) -> str:
        """A host name or an address, or empty, which is the default."""

        def convert(raw: str) -> str:
            if not raw or is_host(raw):
                return raw
            raise ValueError("a host name or an address, without port and scheme")

        return self._read(name, "", convert)

    def name(self, name: str, default: str) -> str:
        """A name for keys in a store: letters, digits, dots, dashes and underscores."""

        def convert(raw: str) -> str:
            if KEY_NAME.fullmatch(raw):
                return raw
            raise ValueError("1–64 letters, digits, dots, dashes and underscores")

        return self._read(name, default, convert)

    def topic(self, name: str, default: str) -> str:
        """The name of a Kafka topic. An explicit empty value stays empty."""
        raw = self.text(name, default)
        if raw and not is_topic(raw):
            self._refuse(name, raw, "a topic (1–249 letters, digits, dots, dashes and underscores), or empty")
            return default
        self.effective[name] = raw
        return raw

    def subset(self, name: str, whole: tuple[str, ...], always: tuple[str, ...] = ()) -> frozenset[str]:
        """A comma-separated list of words from `whole`, which is the default. An explicit empty value is the empty set.

        The words in `always` may be listed as well, without effect.
        """
        default = ",".join(whole)
        chosen = self.words(name, default)
        unknown = [word for word in chosen if word not in whole + always]
        if unknown:
            self._refuse(name, ",".join(chosen), f"a comma-separated list of words from {default}")
        self.effective[name] = [word for word in whole if word in chosen]
        return frozenset(chosen).intersection(whole)

    def words(self, name: str, default: str) -> list[str]:
        """A comma-separated list; white space around the words is ignored. An explicit empty value is an empty list."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def grpc_target(self, name: str, default: str) -> str:
        """A gRPC target: host:port, or a target with a scheme."""
        return self._read(name, default, grpc_target)

    def optional_grpc_target(self, name: str) -> str:
        """A gRPC target, or empty, which is the default."""
        return self._read(name, "", lambda raw: grpc_target(raw) if raw else "")

    def grpc_targets(self, name: str) -> dict[str, str]:
        """A comma-separated list of name=target, empty by default."""

        def convert(raw: str) -> dict[str, str]:
            pairs = [pair.strip().partition("=") for pair in raw.split(",") if pair.strip()]
            named = {
                key: grpc_target(target) for key, equals, target in pairs if equals and BACKEND_NAME.fullmatch(key)
            }
            if len(named) < len(pairs):
                raise ValueError(
                    "a comma-separated list of name=host:port; each name once, with only letters, digits, _ and -"
                )
            return named

        return self._read(name, "", convert)

    def host_ports(self, name: str, default: str) -> str:
        """A comma-separated list of host:port, at least one."""

        def convert(raw: str) -> str:
            addresses = [address.strip() for address in raw.split(",")]
            if not all(is_host_port(address) for address in addresses):
                raise ValueError("a comma-separated list of host:port")
            return ",".join(addresses)

        return self._read(name, default, convert)

    def http_url(self, name: str, default: str, accepted: str) -> str:
        """A whole http(s) URL; an explicit empty value stays empty. `accepted` is for the message about a bad value."""
        raw = self.text(name, default)
        if raw and not _is_http_url(raw):
            self._refuse(name, raw, accepted)
            return default
        return UrlText(raw)

    def _read(self, name: str, default: str, convert: Callable[[str], T]) -> T:
        raw = self.text(name, default) or default
        try:
            value = convert(encodable(raw))
        except ValueError as error:
            self._refuse(name, raw, str(error))
            value = convert(default)
        self.effective[name] = without_credentials(value) if isinstance(value, str) else value
        return value

    def _refuse(self, name: str, seen: str, accepted: str) -> None:
        self.problems.append(f"{name} is {without_credentials(seen)!r}; accepted: {accepted}.")

    def finish(self) -> None:
        """Raise ImproperlyConfigured with every problem, if there are any."""
        if self.problems:
            raise ImproperlyConfigured("\n".join(self.problems))


def encodable(text: str) -> str:
    """The text itself. Raises ValueError if the variable's bytes are not UTF-8."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text in UTF-8")
    return text


def _is_http_url(text: str) -> bool:
    if not text.isprintable() or " " in text:  # urlsplit drops line breaks and tabs
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False
