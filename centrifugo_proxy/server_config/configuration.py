"""A Centrifugo configuration, independent of the layout of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from centrifugo_proxy.server_config.options import Setting

DEFAULT_TIMEOUT: Final = "1s"
ANY_NAME: Final = "*"
# The strings that Go parses as booleans: https://pkg.go.dev/strconv#ParseBool
TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})
FALSE: Final = frozenset({"0", "f", "F", "false", "False", "FALSE"})


class FromSecret(str):
    """A value that is stored elsewhere, such as in a Kubernetes Secret, and cannot be checked."""

    __slots__ = ()

    def __str__(self) -> str:
        """Itself, so that str() keeps the type."""
        return self


class Option(NamedTuple):
    """The value of an option, and the option's path in the file. The path is also given if the value is a default."""

    path: str
    value: Any


class Transform(NamedTuple):
    """Maps an HTTP status to a disconnect code or to an error code. The code that is not used is 0."""

    path: str
    status: int
    disconnect_code: int
    error_code: int
    error_temporary: bool


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy of one event.

    `users` are the names of the namespaces that use the proxy. The name is "" for connections, and for channels and RPC
    methods without a namespace. The set is empty if nothing uses the proxy. `named` is true for an entry of `proxies`,
    which namespaces choose by its name.
    The value of `static_headers` is a map by lower-case name. The values of `client_headers` are lists of names. The
    value of `transforms` is a tuple of Transform, and `raw_transforms` is that value before parsing.
    """

    event: str
    path: str
    users: frozenset[str]
    named: bool
    endpoint: Option
    timeout: Option
    static_headers: Option
    client_headers: tuple[Option, ...]
    transforms: Option
    connection_meta: Option
    binary_encoding: Option
    raw_transforms: Any = None
    tls_unverified: Option | None = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """The options of a channel namespace, or of the channels without one.

    `proxied` are the events whose proxy is on.
    """

    path: str
    options: Mapping[str, Any]
    proxied: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the namespace. "" for the channels without a namespace."""
        return str(self.options.get("name") or "")

    def on(self, name: str) -> bool:
        """True if this option is switched on."""
        return is_true(self.options.get(name))

    def at(self, name: str) -> str:
        """The path of the option `name` of this namespace."""
        return f"{self.path}.{name}" if self.path else name


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole configuration: a file, with environment variables and flags applied.

    `major` is the version whose layout it has. `settings` are all its values. `left_over` are the options and the
    environment variables that only the other major version has. `proxies` and `namespaces` are derived from the
    values. `lists` has the parsed lists by path: v5 also accepts a list as JSON text.
    """

    major: int
    file_format: str
    tree: Mapping[str, Any]
    settings: tuple[Setting, ...]
    proxies: tuple[Proxy, ...]
    namespaces: tuple[Namespace, ...]
    left_over: tuple[str, ...] = ()
    lists: Mapping[str, Any] = field(default_factory=dict)

    def option(self, path: str) -> Option:
        """The option under a dotted path. Its value is None if it is not set."""
        return Option(path, find(self.tree, path))

    def is_on(self, path: str) -> bool:
        """True if the option under a dotted path is switched on."""
        return is_true(self.option(path).value)

    def chooses_proxies(self) -> bool:
        """True if namespaces choose a proxy by its name: always in v6, and in v5's granular mode."""
        return self.major == 6 or self.is_on("granular_proxy_mode")

    def text(self, path: str, default: str = "") -> str:
        """The text under a dotted path, or the default."""
        value = self.option(path).value
        return default if value is None else str(value)

    def proxy(self, event: str) -> Proxy | None:
        """The first proxy that is used for this event."""
        return next((proxy for proxy in self.proxies if proxy.event == event and proxy.users), None)


def find(tree: Any, path: str) -> Any:
    """The value under a dotted path, or None."""
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def is_true(value: Any) -> bool:
    """True if Centrifugo's decoder reads the value as true, such as true, "true" or 1."""
    if isinstance(value, str):
        return value in TRUE
    return bool(value) and isinstance(value, bool | int | float)


def table(value: Any) -> dict[str, Any]:
    """The value if it is a table, otherwise an empty table."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The value as a list of tables. v6 also reads a single table as a list. v5 does not start with a single table."""
    if isinstance(value, dict):
        return [value] if value else []
    return [table(item) for item in value] if isinstance(value, list) else []


def words(value: Any, major: int) -> list[str]:
    """The value as a list of strings. v5 splits a single string at its spaces. v6 does not split it."""
    if isinstance(value, str):
        return value.split() if major == 5 else [value] if value else []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def number(value: Any) -> int:
    """The value as a whole number: 3 for 3.7 and for "3". 0 if it cannot be converted."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def headers(value: Any) -> dict[str, str]:
    """The headers by lower-case name, from a map or from a list of {key, value} tables.
    A value that is stored elsewhere is returned under the name ANY_NAME.
    """
    if isinstance(value, FromSecret):
        return {ANY_NAME: value}
    if isinstance(value, list):
        value = {item.get("key"): item.get("value") for item in tables(value)}
    return {str(name).lower(): str(text) for name, text in table(value).items()}


def transforms(path: str, value: Any) -> Option:
    """The parsed list of transforms at `path`. If an entry is not a table, all its numbers are 0."""
    return Option(path, tuple(_transform(f"{path}[{index}]", item) for index, item in enumerate(tables(value))))


def _transform(path: str, item: dict[str, Any]) -> Transform:
    error, disconnect = table(item.get("to_error")), table(item.get("to_disconnect"))
    return Transform(
        path,
        status=number(item.get("status_code")),
        disconnect_code=number(disconnect.get("code")),
        error_code=number(error.get("code")),
        error_temporary=is_true(error.get("temporary")),
    )
