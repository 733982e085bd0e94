"""The system checks of secrets, TLS files and modes, and the output of `manage.py check`."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from centrifugo_proxy.wiring.checks import is_loopback
from tests.harness.certificates import Authority, needs_openssl
from tests.harness.environment import settings_from, system_checks

QUIET = {"CENTRIFUGO_PROXY_TOKEN": "shared-token"}
SECRETS = [
    "CENTRIFUGO_PROXY_SECRET",
    "CENTRIFUGO_PROXY_SECRET_PREVIOUS",
    "CENTRIFUGO_PROXY_TOKEN",
    "CENTRIFUGO_PROXY_TOKEN_PREVIOUS",
]
TLS = {**QUIET, "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "tls"}


def ids(messages: list[CheckMessage]) -> list[Any]:
    return [message.id for message in messages]


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """A readable file that is not PEM."""
    file = tmp_path / "file.pem"
    file.write_text("a certificate")
    return str(file)


def test_a_valid_configuration_has_no_findings() -> None:
    assert system_checks(**QUIET) == []


@pytest.mark.parametrize("name", [*SECRETS, "FALLBACK_CLAIMS_URL"])
def test_e001_a_secret_is_set_in_two_forms(name: str, pem: str) -> None:
    (error,) = system_checks(**{name: "made-up", f"{name}_FILE": pem})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E001", True)
    assert error.msg == f"{name} and {name}_FILE are both set."
    assert error.hint == f"Keep one: {name}_FILE for a mounted secret, {name} otherwise."


@pytest.mark.parametrize("name", [*SECRETS, "FALLBACK_CLAIMS_URL"])
def test_e002_a_secrets_file_cannot_be_read(name: str, tmp_path: Path) -> None:
    (error,) = system_checks(**{f"{name}_FILE": str(tmp_path / "absent")})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E002", True)
    assert error.msg == f"{name}_FILE: cannot read {tmp_path}/absent: No such file or directory."


@pytest.mark.parametrize("url", ["http://host", "redis://:made-up-password@", "made-up-password"])
def test_fallback_e004_the_claims_url_is_malformed(url: str) -> None:
    (error,) = system_checks(FALLBACK_CLAIMS_URL=url)

    assert (error.id, error.is_serious()) == ("fallback.E004", True)
    assert error.msg.startswith("FALLBACK_CLAIMS_URL is refused: it")
    assert "redis://" in str(error.hint)
    assert "made-up-password" not in f"{error.msg} {error.hint}"


@pytest.mark.parametrize("url", ["redis://:päßwort@host/1", "file:///data/für alle"])
def test_a_claims_url_is_not_sent_in_a_header_and_may_have_umlauts_and_spaces(url: str) -> None:
    assert system_checks(**QUIET, FALLBACK_CLAIMS_URL=url) == []


@pytest.mark.parametrize("name", SECRETS)
def test_e002_a_secrets_file_is_empty(name: str, tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_text("\n")

    (error,) = system_checks(**{f"{name}_FILE": str(file)})

    assert (error.id, error.msg) == ("centrifugo_proxy.E002", f"{name}_FILE: {file} is empty.")


def test_each_bad_secret_has_its_own_error(pem: str) -> None:
    both = dict.fromkeys(SECRETS, "made-up") | {f"{name}_FILE": pem for name in SECRETS}

    errors = system_checks(**both)

    assert [(error.id, error.msg.split()[0]) for error in errors] == [
        ("centrifugo_proxy.E001", name) for name in SECRETS
    ]


@pytest.mark.parametrize("name", ["IDENTITY_TLS_CERT_FILE", "IDENTITY_TLS_KEY_FILE"])
def test_e003_only_the_certificate_or_only_the_key_of_the_client_is_set(name: str, pem: str) -> None:
    (error,) = system_checks(**TLS, **{name: pem})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E003", True)
    assert error.msg == "Only one of IDENTITY_TLS_CERT_FILE and IDENTITY_TLS_KEY_FILE is set."


def test_e004_a_tls_file_cannot_be_read(tmp_path: Path) -> None:
    (error,) = system_checks(**TLS, IDENTITY_TLS_CA_FILE=str(tmp_path))

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E004", True)
    assert error.msg == f"IDENTITY_TLS_CA_FILE: cannot read {tmp_path}: Is a directory."


def test_e004_a_key_that_is_set_in_place_of_its_file_name_is_not_shown(pem: str) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEsEcReT/\n-----END PRIVATE KEY-----\n"

    (error,) = system_checks(**TLS, IDENTITY_TLS_CERT_FILE=pem, IDENTITY_TLS_KEY_FILE=key)

    assert error.msg == "IDENTITY_TLS_KEY_FILE: cannot read the file it names: No such file or directory."


@pytest.mark.processes
@needs_openssl
def test_tls_with_a_complete_pair_or_without_files_has_no_findings(authority: Authority) -> None:
    cert, key = authority.issue("client")
    pair = {"IDENTITY_TLS_CERT_FILE": str(cert), "IDENTITY_TLS_KEY_FILE": str(key)}

    assert system_checks(**TLS) == system_checks(**TLS, **pair, IDENTITY_TLS_CA_FILE=str(authority.ca)) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a certificate",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    ],
)
def test_e006_the_authority_is_not_pem(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)

    (error,) = system_checks(**TLS, IDENTITY_TLS_CA_FILE=str(file))

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E006", True)
    assert error.msg.startswith("IDENTITY_TLS_CA_FILE: not a certificate in PEM (")


@pytest.mark.processes
@needs_openssl
def test_e006_the_authority_has_a_form_that_only_openssl_reads(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "trusted.pem"
    file.write_text(authority.ca.read_text().replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-"))

    (error,) = system_checks(**TLS, IDENTITY_TLS_CA_FILE=str(file))

    assert error.id == "centrifugo_proxy.E006"


@pytest.mark.processes
@needs_openssl
@pytest.mark.parametrize("wrong", ["cert", "key", "both", "other key"])
def test_e006_the_certificate_and_the_key_do_not_match(authority: Authority, pem: str, wrong: str) -> None:
    cert, key = authority.issue("client")
    _, other = authority.issue("other")
    pair = {"cert": (pem, key), "key": (cert, pem), "both": (key, cert), "other key": (cert, other)}[wrong]

    (error,) = system_checks(**TLS, IDENTITY_TLS_CERT_FILE=str(pair[0]), IDENTITY_TLS_KEY_FILE=str(pair[1]))

    assert error.id == "centrifugo_proxy.E006"
    assert error.msg.startswith(
        "IDENTITY_TLS_CERT_FILE and IDENTITY_TLS_KEY_FILE: not a certificate with its key, both in PEM ("
    )


@pytest.mark.processes
@needs_openssl
def test_e006_a_key_with_a_passphrase_is_refused_without_a_prompt(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue("client")
    locked = tmp_path / "locked.key"
    command = ["openssl", "ec", "-aes256", "-passout", "pass:made-up", "-in", str(key), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603

    (error,) = system_checks(**TLS, IDENTITY_TLS_CERT_FILE=str(cert), IDENTITY_TLS_KEY_FILE=str(locked))

    assert error.id == "centrifugo_proxy.E006"


@pytest.mark.parametrize("name", SECRETS)
def test_e008_a_secret_that_a_header_would_change_is_refused_and_not_shown(name: str) -> None:
    (error,) = system_checks(**{name: "sEc ReT"})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E008", True)
    assert error.msg.startswith(f"{name}: the secret contains white space. ")
    assert "sEc" not in f"{error.msg}{error.hint}"


def test_w001_no_guard_is_configured() -> None:
    (warning,) = system_checks()

    assert (warning.id, warning.is_serious()) == ("centrifugo_proxy.W001", False)
    assert warning.msg.startswith("No guard is configured: any workload that can reach this port can redeem tickets")
    assert "Set CENTRIFUGO_PROXY_TOKEN" in str(warning.hint)


@pytest.mark.parametrize("name", SECRETS)
def test_any_secret_enables_the_guard(name: str) -> None:
    assert system_checks(**{name: "made-up"}) == []


@pytest.mark.parametrize(
    ("mode", "code", "expected"),
    [
        ("envelope", "4499", []),
        ("envelope", "4500", ["centrifugo_proxy.W002"]),
        ("envelope", "4999", ["centrifugo_proxy.W002"]),
        ("envelope", "", []),
        ("http", "4500", []),
        ("http", "", []),
    ],
)
def test_w002_clients_never_reconnect_after_the_unavailable_code(mode: str, code: str, expected: list[str]) -> None:
    variables = {"CENTRIFUGO_RESPONSE_MODE": mode, "CENTRIFUGO_UNAVAILABLE_CODE": code}

    assert ids(system_checks(**QUIET, **variables)) == expected


@pytest.mark.parametrize(
    ("debug", "host", "expected"),
    [
        ("true", "0.0.0.0", ["centrifugo_proxy.W003"]),
        ("true", "10.0.0.7", ["centrifugo_proxy.W003"]),
        ("true", "127.0.0.1", []),
        ("true", "localhost", []),
        ("false", "0.0.0.0", []),
    ],
)
def test_w003_debug_is_on_at_an_address_that_others_can_reach(debug: str, host: str, expected: list[str]) -> None:
    assert ids(system_checks(**QUIET, DEBUG=debug, LISTEN_HOST=host)) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("realtime.internal", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_recognized(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_manage_py_check_fails_on_an_error(pem: str) -> None:
    settings = settings_from(CENTRIFUGO_PROXY_TOKEN="made-up", CENTRIFUGO_PROXY_TOKEN_FILE=pem)

    with override_settings(**settings), pytest.raises(SystemCheckError) as failed:
        call_command("check")

    assert "centrifugo_proxy.E001" in str(failed.value)
    assert "made-up" not in str(failed.value)


def test_manage_py_check_prints_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(**settings_from()):
        call_command("check")

    assert "centrifugo_proxy.W001" in capsys.readouterr().err
