"""System checks of the bridge: faults of the routes file; unusable, contradictory and dangerous settings."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from bridge.checks import TAG
from tests.bridge.given import one_route, publishing


@pytest.fixture
def routes(tmp_path: Path) -> str:
    file = tmp_path / "routes.toml"
    file.write_text("version = 1\n" + one_route(publishing()))
    return str(file)


def findings(routes: str, **settings: Any) -> list[tuple[str, str]]:
    """Id and message of each finding."""
    given = {"CENTRIFUGO_API_KEY": "key", **settings}
    with override_settings(BRIDGE_ROUTES_PATH=routes, **given):
        return [(finding.id or "", finding.msg) for finding in run_checks(tags=[TAG])]


def test_the_default_settings_have_no_findings(routes: str) -> None:
    assert findings(routes) == []


def test_without_a_routes_file_nothing_is_checked() -> None:
    assert findings("", BRIDGE_WINDOW=1, CENTRIFUGO_API_KEY="") == []


def test_every_fault_of_the_routes_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text("version = 2\nunknown = true\n")

    assert [number for number, _ in findings(str(file))] == ["bridge.E002"] * 3


def test_a_fault_is_one_finding_even_if_it_quotes_a_line_separator(tmp_path: Path) -> None:
    file = tmp_path / "routes\u2028.toml"
    file.write_text("version = ['\u2028']\n" + one_route(publishing()))

    accepted = r"routes\u2028.toml:1: version: saw ['\u2028']; accepted: 1".replace("'", '"')
    assert findings(str(file)) == [("bridge.E002", f"{tmp_path}/{accepted}.")]


@pytest.mark.parametrize(
    ("settings", "number", "message"),
    [
        ({"CENTRIFUGO_API_KEY": ""}, "W001", "CENTRIFUGO_API_KEY is not set."),
        (
            {"CENTRIFUGO_API_KEY_FILE": "/nowhere"},
            "E003",
            "CENTRIFUGO_API_KEY and CENTRIFUGO_API_KEY_FILE are both set",
        ),
        ({"CENTRIFUGO_API_KEY": "a key"}, "E003", "CENTRIFUGO_API_KEY: the secret contains white space."),
        ({"BRIDGE_KAFKA_CONFIG_PATH": "/nowhere"}, "E004", "BRIDGE_KAFKA_CONFIG_PATH: cannot read /nowhere: No such"),
        (
            {"BRIDGE_KAFKA_TLS_CERT_FILE": "/c"},
            "E005",
            "BRIDGE_KAFKA_TLS_CERT_FILE is set, but BRIDGE_KAFKA_SECURITY is",
        ),
        ({"BRIDGE_KAFKA_SASL_USER": "u"}, "E009", "BRIDGE_KAFKA_SASL_USER is set, but has no effect, because BRIDGE_"),
        ({"BRIDGE_WINDOW": 3999}, "E010", "BRIDGE_WINDOW is 3999, below BRIDGE_PENDING_MAX (4000)."),
        ({"BRIDGE_RETRY_MIN_MS": 6000}, "E011", "BRIDGE_RETRY_MAX_MS is 5000, below BRIDGE_RETRY_MIN_MS (6000)."),
        ({"BRIDGE_KAFKA_GROUP": ""}, "E012", "BRIDGE_KAFKA_GROUP is empty."),
        (
            {"BRIDGE_REPLAY_TOPIC": "realtime.bridge.dead-letters"},
            "E013",
            "BRIDGE_REPLAY_TOPIC and BRIDGE_DEAD_LETTER_TOPIC are the same topic",
        ),
        ({"BRIDGE_OFFSET_RESET": "latest"}, "W003", "BRIDGE_OFFSET_RESET is latest"),
        ({"BRIDGE_INSTANCE_ID": "bridge-0"}, "W004", "BRIDGE_INSTANCE_ID is set"),
        ({"CENTRIFUGO_API_TLS_CA_FILE": "/nowhere"}, "E007", "CENTRIFUGO_API_TLS_CA_FILE: cannot read /nowhere"),
    ],
)
def test_unusable_contradictory_and_dangerous_settings_are_reported(
    routes: str, settings: dict[str, Any], number: str, message: str
) -> None:
    found = findings(routes, **settings)

    assert [each for each, text in found if text.startswith(message)] == [f"bridge.{number}"], found


@pytest.mark.parametrize("missing", ["MECHANISM", "USER", "PASSWORD"])
def test_sasl_needs_a_mechanism_a_user_and_a_password(routes: str, missing: str) -> None:
    given = {"MECHANISM": "PLAIN", "USER": "u", "PASSWORD": "p", missing: ""}

    found = findings(
        routes,
        BRIDGE_KAFKA_SECURITY="sasl_tls",
        **{f"BRIDGE_KAFKA_SASL_{name}": value for name, value in given.items()},
    )

    assert found == [
        ("bridge.E008", f"BRIDGE_KAFKA_SECURITY is sasl_tls, but BRIDGE_KAFKA_SASL_{missing} is not set."),
    ]


def test_sasl_without_tls_gives_a_warning(routes: str) -> None:
    given = {"MECHANISM": "SCRAM-SHA-512", "USER": "u", "PASSWORD": "p"}
    sasl = {f"BRIDGE_KAFKA_SASL_{name}": value for name, value in given.items()}

    assert [number for number, _ in findings(routes, BRIDGE_KAFKA_SECURITY="sasl_plaintext", **sasl)] == ["bridge.W002"]


def test_a_client_certificate_without_its_key_is_refused(routes: str, tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("")

    found = findings(routes, BRIDGE_KAFKA_SECURITY="tls", BRIDGE_KAFKA_TLS_CERT_FILE=str(file))

    assert [number for number, _ in found] == ["bridge.E006"]


@pytest.mark.parametrize("text", ["not PEM", "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"])
def test_a_file_without_valid_certificates_is_refused(routes: str, tmp_path: Path, text: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(text)

    found = findings(routes, BRIDGE_KAFKA_SECURITY="tls", BRIDGE_KAFKA_TLS_CA_FILE=str(file))

    assert found == [("bridge.E007", f"BRIDGE_KAFKA_TLS_CA_FILE: {file} contains no valid PEM certificate.")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "enable.auto.commit=true",
            "line 1: enable.auto.commit is set by the bridge; accepted: other librdkafka properties",
        ),
        ("sasl.password", "line 1 has no =; accepted: name=value"),
        (" = 7", "line 1 has no name before =; accepted: name=value"),
    ],
)
def test_reserved_and_malformed_properties_are_refused(routes: str, tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text(f"{line}\n")

    [(number, text)] = findings(routes, BRIDGE_KAFKA_CONFIG_PATH=str(file))

    assert (number, text) == ("bridge.E004", f"BRIDGE_KAFKA_CONFIG_PATH: {file}, {problem}.")
