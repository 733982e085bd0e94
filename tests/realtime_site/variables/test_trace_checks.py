"""System checks of the TLS files for the connection to the trace collector."""

from pathlib import Path

import pytest

from tests.harness.certificates import Authority, needs_openssl
from tests.harness.environment import system_checks

HTTPS = {"CENTRIFUGO_PROXY_TOKEN": "shared-token", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318"}
CA, CERTIFICATE, KEY = (f"OTEL_EXPORTER_OTLP_{name}" for name in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"))
NOT_A_PAIR = "not a certificate with its key, both in PEM"


def findings(**variables: str) -> list[tuple[str | None, str]]:
    """The ids and the texts of the checks' messages. All messages are warnings."""
    messages = system_checks(**{**HTTPS, **variables})
    assert not any(message.is_serious() for message in messages)
    return [(message.id, message.msg) for message in messages]


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A readable file that is not PEM."""
    (tmp_path / "file.pem").write_text("a certificate")
    return f"{tmp_path}/file.pem"


@pytest.mark.parametrize("name", [CA, CA.replace("OTLP", "OTLP_TRACES"), CERTIFICATE])
def test_a_file_that_cannot_be_read_is_named_with_its_variable(name: str, tmp_path: Path) -> None:
    assert findings(**{name: f"{tmp_path}/absent"}) == [
        (
            "realtime_site.W001",
            f"{name}: cannot read {tmp_path}/absent: No such file or directory. No trace reaches the collector.",
        )
    ]


def test_the_variable_for_traces_takes_precedence_over_the_general_variable(text: str) -> None:
    for_traces = CA.replace("OTLP", "OTLP_TRACES")

    found = findings(**{CA: "/absent", for_traces: text})

    assert found == [
        (
            "realtime_site.W001",
            f"{for_traces}: {text} contains no valid PEM certificate. No trace reaches the collector.",
        )
    ]


def test_both_files_of_the_client_are_named_if_neither_can_be_read() -> None:
    found = findings(**{CERTIFICATE: "/absent", KEY: "/nowhere"})

    assert [message.partition(":")[0] for _, message in found] == [CERTIFICATE, KEY]


def test_a_key_without_its_certificate_has_no_effect(text: str) -> None:
    assert findings(**{KEY: text}) == [
        ("realtime_site.W002", f"{KEY} is set without {CERTIFICATE}, and has no effect.")
    ]


@pytest.mark.processes
@needs_openssl
def test_a_certificate_needs_its_own_key(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    (certificate, _), (_, other_key) = authority.issue("one"), authority.issue("other")

    pairs = findings(**{CERTIFICATE: str(certificate), KEY: str(other_key)})
    alone = findings(**{CERTIFICATE: str(certificate)})

    assert [message.partition(" (")[0] for _, message in [*pairs, *alone]] == [
        f"{CERTIFICATE} and {KEY}: {NOT_A_PAIR}",
        f"{CERTIFICATE}: {NOT_A_PAIR}",
    ]


@pytest.mark.processes
@needs_openssl
def test_usable_files_have_no_findings(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    certificate, key = authority.issue("service")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())

    apart = findings(**{CA: str(authority.ca), CERTIFICATE: str(certificate), KEY: str(key)})
    together = findings(**{CERTIFICATE: str(both)})

    assert (apart, together) == ([], [])


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SDK_DISABLED": "true"},
    ],
)
def test_files_that_no_export_uses_are_not_read(variables: dict[str, str]) -> None:
    assert findings(**{CA: "/absent", **variables}) == []
