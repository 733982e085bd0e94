"""The readers of environment variables: the values that they accept, and their refusals."""

from collections.abc import Callable
from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from common.hidden_text import HiddenText, UrlText
from realtime_site.variables.env import Environment

Reader = Callable[[Environment], Any]


def reading(**variables: str) -> Environment:
    """The readers of an environment that has only these variables."""
    env = environ.Env()
    env.ENVIRON = variables
    return Environment(env)


def refusal(read: Reader, **variables: str) -> str:
    """The message that refuses these variables."""
    environment = reading(**variables)
    read(environment)
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.finish()
    return str(refused.value)


REFERENCE = "a value, or $NAME, if the variable NAME is set to a value that does not begin with $"
WHOLE_URL = "a whole URL such as http://localhost:4318/v1/traces, or empty to export no traces"

PORT: Reader = lambda env: env.integer("X", 9730, 1, 65535)  # noqa: E731
AT_LEAST: Reader = lambda env: env.integer("X", 5000, 0)  # noqa: E731
ANY: Reader = lambda env: env.integer("X", 300)  # noqa: E731
PROBE: Reader = lambda env: env.integer_or_zero("X", 1000, 100, 60000)  # noqa: E731
RATIO: Reader = lambda env: env.ratio("X", "1.0")  # noqa: E731
FLAG: Reader = lambda env: env.flag("X", default=False)  # noqa: E731
WORD: Reader = lambda env: env.one_of("X", "http", ("http", "envelope"))  # noqa: E731
SUBSET: Reader = lambda env: env.subset("X", ("a", "b"))  # noqa: E731
WORDS: Reader = lambda env: env.words("X", "*")  # noqa: E731
TARGET: Reader = lambda env: env.grpc_target("X", "localhost:50051")  # noqa: E731
OPTIONAL: Reader = lambda env: env.optional_grpc_target("X")  # noqa: E731
TARGETS: Reader = lambda env: env.grpc_targets("X")  # noqa: E731
URL: Reader = lambda env: env.http_url("X", "http://localhost:4318/v1/traces", WHOLE_URL)  # noqa: E731
TEXT: Reader = lambda env: env.text("X", "some")  # noqa: E731
SECRET: Reader = lambda env: env.secret("X")  # noqa: E731
HOST: Reader = lambda env: env.optional_host("X")  # noqa: E731
PATH: Reader = lambda env: env.path("X")  # noqa: E731


@pytest.mark.parametrize(
    ("read", "default"),
    [
        (PORT, 9730),
        (AT_LEAST, 5000),
        (ANY, 300),
        (PROBE, 1000),
        (RATIO, 1.0),
        (FLAG, False),
        (WORD, "http"),
        (SUBSET, frozenset({"a", "b"})),
        (WORDS, ["*"]),
        (TARGET, "localhost:50051"),
        (OPTIONAL, ""),
        (TARGETS, {}),
        (URL, "http://localhost:4318/v1/traces"),
        (TEXT, "some"),
        (SECRET, ""),
        (PATH, ""),
    ],
)
def test_an_unset_variable_has_its_default(read: Reader, default: Any) -> None:
    environment = reading()

    value = read(environment)

    environment.finish()
    assert value == default


@pytest.mark.parametrize(
    ("read", "default"),
    [
        (PORT, 9730),
        (PROBE, 1000),
        (RATIO, 1.0),
        (FLAG, False),
        (WORD, "http"),
        (TARGET, "localhost:50051"),
        (OPTIONAL, ""),
        (TARGETS, {}),
    ],
)
@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_variable_counts_as_unset(read: Reader, default: Any, blank: str) -> None:
    environment = reading(X=blank)

    value = read(environment)

    environment.finish()
    assert value == default


@pytest.mark.parametrize(("read", "empty"), [(TEXT, ""), (SECRET, ""), (URL, ""), (WORDS, []), (SUBSET, frozenset())])
def test_an_explicit_empty_value_is_kept_by_the_readers_that_accept_it(read: Reader, empty: Any) -> None:
    environment = reading(X="")

    value = read(environment)

    environment.finish()
    assert value == empty


@pytest.mark.parametrize(
    ("read", "raw", "value"),
    [
        (PORT, "1", 1),
        (PORT, "65535", 65535),
        (PORT, " 80 ", 80),
        (PORT, "0080", 80),
        (AT_LEAST, "0", 0),
        (AT_LEAST, "999999999999999999", 999999999999999999),
        (ANY, "-1", -1),
        (PROBE, "0", 0),
        (PROBE, "100", 100),
        (PROBE, "60000", 60000),
        (RATIO, "0", 0.0),
        (RATIO, "0.25", 0.25),
        (RATIO, "1", 1.0),
        (FLAG, "true", True),
        (FLAG, "1", True),
        (FLAG, "YES", True),
        (FLAG, "on", True),
        (FLAG, "False", False),
        (FLAG, "0", False),
        (FLAG, "no", False),
        (FLAG, "off", False),
        (WORD, "ENVELOPE", "envelope"),
        (WORD, " http ", "http"),
        (SUBSET, "b", frozenset({"b"})),
        (SUBSET, " b , a ", frozenset({"a", "b"})),
        (SUBSET, "a,,a,", frozenset({"a"})),
        (WORDS, "a.example, b.example", ["a.example", "b.example"]),
        (TARGET, "identity:1", "identity:1"),
        (TARGET, "identity:65535", "identity:65535"),
        (TARGET, "10.0.0.1:50051", "10.0.0.1:50051"),
        (TARGET, "[::1]:50051", "[::1]:50051"),
        (TARGET, "dns:///identity.prod.svc:50051", "dns:///identity.prod.svc:50051"),
        (TARGET, "ipv4:10.0.0.1:1,10.0.0.2:1", "ipv4:10.0.0.1:1,10.0.0.2:1"),
        (TARGET, "ipv6:[::1]:50051", "ipv6:[::1]:50051"),
        (TARGET, "identity_a.prod.svc.cluster.local.:50051", "identity_a.prod.svc.cluster.local.:50051"),
        (TARGET, "dns:identity:50051", "dns:identity:50051"),
        (TARGET, "dns://10.0.0.10:53/identity:50051", "dns://10.0.0.10:53/identity:50051"),
        (TARGET, "dns://[fd00::a]:53/identity:50051", "dns://[fd00::a]:53/identity:50051"),
        (TARGET, "[fe80::1%eth0]:50051", "[fe80::1%eth0]:50051"),
        (HOST, " identity.example ", "identity.example"),
        (HOST, "10.0.0.1", "10.0.0.1"),
        (HOST, "", ""),
        (TARGET, "unix:///run/identity.sock", "unix:///run/identity.sock"),
        (TARGET, "unix:run/identity.sock", "unix:run/identity.sock"),
        (TARGET, f"unix:/{'x' * 106}", f"unix:/{'x' * 106}"),
        (TARGET, "unix-abstract:identity", "unix-abstract:identity"),
        (OPTIONAL, "family:50051", "family:50051"),
        (OPTIONAL, "dns:///family.prod.svc:50051", "dns:///family.prod.svc:50051"),
        (TARGETS, "diary=localhost:1", {"diary": "localhost:1"}),
        (TARGETS, " b=h:2 , a=[::1]:1,, ", {"b": "h:2", "a": "[::1]:1"}),
        (TARGETS, "A_b-9=dns:///diary:50061", {"A_b-9": "dns:///diary:50061"}),
        (URL, "https://collector.example:4318/x?y=z", UrlText("https://collector.example:4318/x?y=z")),
        (URL, "http://[::1]/v1/traces", UrlText("http://[::1]/v1/traces")),
        (URL, "http://otel_collector.example.:4318", UrlText("http://otel_collector.example.:4318")),
        (TEXT, " as it is ", "as it is"),
        (SECRET, " as it is \n", HiddenText(" as it is \n")),
        (PATH, "/run/secrets/token", "/run/secrets/token"),
        (PATH, " /run/secrets/a token \r\n", "/run/secrets/a token"),
    ],
)
def test_a_valid_value_is_converted(read: Reader, raw: str, value: Any) -> None:
    environment = reading(X=raw)

    converted = read(environment)

    environment.finish()
    assert converted == value
    assert type(converted) is type(value)


GRPC_TARGET = "a gRPC target: host:port, or dns:///host:port, ipv4:…, ipv6:…, unix:… (no http://)"
NAMED_TARGETS = "a comma-separated list of name=host:port; each name once, with only letters, digits, _ and -"
A_HOST = "a host name or an address, without port and scheme"


@pytest.mark.parametrize(
    ("read", "seen", "accepted"),
    [
        (PORT, "0", "1–65535"),
        (PORT, "65536", "1–65535"),
        (PORT, "-1", "1–65535"),
        (PORT, "http", "1–65535"),
        (PORT, "80.0", "1–65535"),
        (PORT, "8_0", "1–65535"),
        (PORT, "+80", "1–65535"),
        (PORT, "٨٠", "1–65535"),
        (PORT, "9" * 5000, "1–65535"),
        (AT_LEAST, "-1", "an integer >= 0"),
        (AT_LEAST, "5s", "an integer >= 0"),
        (ANY, "soon", "an integer"),
        (PROBE, "1", "0 (off), or 100–60000"),
        (PROBE, "99", "0 (off), or 100–60000"),
        (PROBE, "60001", "0 (off), or 100–60000"),
        (PROBE, "off", "0 (off), or 100–60000"),
        (lambda environment: environment.value("X", "", str), "caf\udce9", "text in UTF-8"),
        (RATIO, "1.01", "0.0–1.0"),
        (RATIO, "-0.1", "0.0–1.0"),
        (RATIO, "nan", "0.0–1.0"),
        (RATIO, "inf", "0.0–1.0"),
        (RATIO, "1e-3", "0.0–1.0"),
        (RATIO, "50%", "0.0–1.0"),
        (FLAG, "ture", "true, 1, yes, on, false, 0, no, off"),
        (FLAG, "2", "true, 1, yes, on, false, 0, no, off"),
        (WORD, "https", "http, envelope"),
        (SUBSET, "c", "a comma-separated list of words from a,b"),
        (SUBSET, "a,c", "a comma-separated list of words from a,b"),
        (SUBSET, "A", "a comma-separated list of words from a,b"),
        (TARGET, "identity", GRPC_TARGET),
        (TARGET, "identity:", GRPC_TARGET),
        (TARGET, "identity:0", GRPC_TARGET),
        (TARGET, "identity:65536", GRPC_TARGET),
        (TARGET, ":50051", GRPC_TARGET),
        (TARGET, "http://identity:50051", GRPC_TARGET),
        (TARGET, "identity:50051/path", GRPC_TARGET),
        (TARGET, "two words:50051", GRPC_TARGET),
        (TARGET, "dns:///two words:1", GRPC_TARGET),
        (TARGET, "dns:///", GRPC_TARGET),
        (TARGET, "dns:///identity", GRPC_TARGET),
        (TARGET, "ipv4:nowhere", GRPC_TARGET),
        (TARGET, "ipv4:localhost:50051", GRPC_TARGET),
        (TARGET, "ipv4:300.0.0.1:50051", GRPC_TARGET),
        (TARGET, "ipv4:[::1]:50051", GRPC_TARGET),
        (TARGET, "ipv6:10.0.0.1:50051", GRPC_TARGET),
        (TARGET, "300.0.0.1:50051", GRPC_TARGET),
        (TARGET, "identity,identity-2:50051", GRPC_TARGET),
        (TARGET, "*:50051", GRPC_TARGET),
        (TARGET, "unix:", GRPC_TARGET),
        (TARGET, "unix://identity.sock", GRPC_TARGET),
        (TARGET, f"unix:/{'x' * 107}", GRPC_TARGET),
        (TARGET, "unix-abstract://identity", GRPC_TARGET),
        (TARGET, "vsock:1:50051", GRPC_TARGET),
        (TARGET, "dns:////identity:50051", GRPC_TARGET),
        (TARGET, "dns://10.0.0.10/identity:50051", GRPC_TARGET),
        (TARGET, "dns://resolver:53/identity:50051", GRPC_TARGET),
        (TARGET, "[:]:50051", GRPC_TARGET),
        (TARGET, "[10.0.0.1]:50051", GRPC_TARGET),
        (HOST, "identity:50051", A_HOST),
        (HOST, "https://identity", A_HOST),
        (HOST, "two words", A_HOST),
        (OPTIONAL, "family", GRPC_TARGET),
        (OPTIONAL, "http://family:50051", GRPC_TARGET),
        (TARGETS, "localhost:50061", NAMED_TARGETS),
        (TARGETS, "diary", NAMED_TARGETS),
        (TARGETS, "=localhost:1", NAMED_TARGETS),
        (TARGETS, "the diary=localhost:1", NAMED_TARGETS),
        (TARGETS, "diary =localhost:1", NAMED_TARGETS),
        (TARGETS, "diär=localhost:1", NAMED_TARGETS),
        (TARGETS, "a=h:1,a=h:2", NAMED_TARGETS),
        (TARGETS, "a=h:1,a=h:1", NAMED_TARGETS),
        (TARGETS, "a=ipv4:10.0.0.1:1,10.0.0.2:1", NAMED_TARGETS),
        (TARGETS, "diary=", GRPC_TARGET),
        (TARGETS, "diary=localhost", GRPC_TARGET),
        (TARGETS, "a=h:1,b=h:0", GRPC_TARGET),
        (TARGETS, "a=http://diary:50061", GRPC_TARGET),
        (URL, "localhost:4318", WHOLE_URL),
        (URL, "collector", WHOLE_URL),
        (URL, "grpc://collector:4317", WHOLE_URL),
        (URL, "http://", WHOLE_URL),
        (URL, "http:///v1/traces", WHOLE_URL),
        (URL, "http://collector:port/", WHOLE_URL),
        (URL, "http://collector:65536/", WHOLE_URL),
        (URL, "http://[::1/", WHOLE_URL),
        (URL, "http://the collector:4318", WHOLE_URL),
        (URL, "http://collector..example:4318", WHOLE_URL),
        (URL, "http://collector%2F:4318", WHOLE_URL),
        (URL, "http://xn--é:4318", WHOLE_URL),
        (URL, f"http://{'a' * 64}:4318", WHOLE_URL),
        (URL, "http://coll\nector:4318", WHOLE_URL),
    ],
)
def test_the_refusal_of_an_invalid_value_has_its_name_and_the_accepted_values(
    read: Reader, seen: str, accepted: str
) -> None:
    message = refusal(read, X=seen)

    assert message == f"X is {seen!r}; accepted: {accepted}."


@pytest.mark.parametrize(
    ("read", "seen", "shown"),
    [
        (URL, "htp://user:pass@collector/x", "htp://…@collector/x"),
        (URL, "htp://user:p/a@s//s@collector", "htp://…@collector"),
        (URL, "user:pass@collector", "…@collector"),
        (URL, "htp://collector/x?token=pass#pass", "htp://collector/x?…"),
        (URL, "htp://user:pass@collector/x?a=b@pass", "htp://…@collector/x?…"),
        (TARGET, "https://user:pass@identity:1", "https://…@identity:1"),
        (TARGET, "user:pass@identity", "…@identity"),
        (TARGETS, "a=http://user:pass@h:1,b=http://user:pass@i:1", "a=http://…@i:1"),
    ],
)
def test_a_password_in_an_address_is_not_shown(read: Reader, seen: str, shown: str) -> None:
    message = refusal(read, X=seen)

    assert message.startswith(f"X is {shown!r}; accepted: ")
    assert "pass" not in message


def test_a_secret_with_a_dollar_that_is_given_as_a_path_is_not_shown() -> None:
    message = refusal(PATH, X="$sEcReT")

    assert message == f"X is '$…'; accepted: {REFERENCE}."


def test_all_problems_are_reported_at_once() -> None:
    def read(env: Environment) -> None:
        env.integer("PORT", 9730, 1, 65535)
        env.flag("DEBUG", default=False)
        env.text("NAME", "fine")
        env.ratio("RATIO", "1.0")

    message = refusal(read, PORT="0", DEBUG="maybe", RATIO="2")

    assert message.splitlines() == [
        "PORT is '0'; accepted: 1–65535.",
        "DEBUG is 'maybe'; accepted: true, 1, yes, on, false, 0, no, off.",
        "RATIO is '2'; accepted: 0.0–1.0.",
    ]


@pytest.mark.parametrize("secret", ["$HOME", "$$", "\\$x", " padded ", "pass=word", "ключ"])
def test_a_secret_is_not_changed(secret: str) -> None:
    environment = reading(X=secret, HOME="elsewhere")

    value = environment.secret("X")

    environment.finish()
    assert value == secret


def test_a_value_that_is_not_a_secret_can_refer_to_another_variable() -> None:
    environment = reading(X="$PORT", PORT="8080")

    value = environment.integer("X", 9730, 1, 65535)

    environment.finish()
    assert value == 8080


@pytest.mark.parametrize("seen", ["$ABSENT", "$X", "$CIRCLE", "$CHAIN", "$"])
def test_a_reference_to_an_unset_variable_or_to_another_reference_is_refused(seen: str) -> None:
    message = refusal(TEXT, X=seen, CIRCLE="$X", CHAIN="$SET", SET="value")

    assert message == f"X is {seen!r}; accepted: {REFERENCE}."


def test_each_variable_is_recorded_with_its_default() -> None:
    environment = reading()

    for read in (PORT, SECRET):
        read(environment)
    environment.subset("FIELDS", ("a", "b"))

    assert environment.defaults == {"X": "", "FIELDS": "a,b"}


@pytest.mark.parametrize(("raw", "shown"), [("", "auto"), ("auto", "auto"), ("AUTO", "auto"), ("7", 7)])
def test_auto_is_recorded_as_auto_and_a_number_as_itself(raw: str, shown: str | int) -> None:
    environment = reading(X=raw)

    environment.integer_or_auto("X", 1, 100000)

    assert environment.effective == {"X": shown}
