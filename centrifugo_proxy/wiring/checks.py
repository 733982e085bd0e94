"""System checks of the proxy's settings: one builder function per message. Ids are never reused."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from centrifugo_proxy.protocol.codes import TERMINAL_DISCONNECT_CODES, ResponseMode
from centrifugo_proxy.wiring.assembly import build_guard, secret_setting
from centrifugo_proxy.wiring.claims import claims_place
from common.certificates import why_no_authorities, why_no_pair
from common.files import PEM_BYTES, read_file
from common.secret_files import SecretError, UnsendableSecretError
from common.unreadable import why_unreadable
from fallback.checks import bad_claims_url
from fallback.claims.url import BadClaimsUrl

SECRETS: Final = (
    "CENTRIFUGO_PROXY_SECRET",
    "CENTRIFUGO_PROXY_SECRET_PREVIOUS",
    "CENTRIFUGO_PROXY_TOKEN",
    "CENTRIFUGO_PROXY_TOKEN_PREVIOUS",
)
CLAIMS_URL: Final = "FALLBACK_CLAIMS_URL"  # may contain a password, and is never sent in a header
TLS_FILES: Final = ("IDENTITY_TLS_CA_FILE", "IDENTITY_TLS_CERT_FILE", "IDENTITY_TLS_KEY_FILE")


@register("centrifugo_proxy")
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that the secrets are usable, and that at least one of them guards the endpoints."""
    errors = list(_secret_errors())
    if not errors and not build_guard(settings).enabled:
        return [no_guard()]
    return errors


def _secret_errors() -> Iterator[CheckMessage]:
    for name in (*SECRETS, CLAIMS_URL):
        if getattr(settings, name) and getattr(settings, f"{name}_FILE"):
            yield two_forms(name)
            continue
        try:
            claims_place(settings) if name == CLAIMS_URL else secret_setting(settings, name)
        except BadClaimsUrl as error:
            yield bad_claims_url(str(error))
        except UnsendableSecretError as error:
            yield unsendable_secret(str(error))
        except SecretError as error:
            yield unreadable_secret(str(error))


@register("centrifugo_proxy")
def check_tls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that the TLS files can be read and used, and that the client certificate has its key."""
    if settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE != "tls":
        return []
    return _tls_files_missing() or list(_tls_files_unusable())


def _tls_files_missing() -> list[CheckMessage]:
    findings: list[CheckMessage] = []
    if bool(settings.IDENTITY_TLS_CERT_FILE) != bool(settings.IDENTITY_TLS_KEY_FILE):
        findings.append(half_a_pair())
    for name in TLS_FILES:
        path = getattr(settings, name)
        if path and (problem := why_unreadable(path, PEM_BYTES)):
            findings.append(unreadable_tls_file(name, problem))
    return findings


def _tls_files_unusable() -> Iterator[CheckMessage]:
    """Find files that gRPC accepts silently, although each handshake with them fails."""
    authorities = settings.IDENTITY_TLS_CA_FILE
    if authorities and (problem := why_no_authorities(read_file(authorities, PEM_BYTES))):
        yield unusable_tls_file("IDENTITY_TLS_CA_FILE", f"not a certificate in PEM ({problem})")
    certificate, key = settings.IDENTITY_TLS_CERT_FILE, settings.IDENTITY_TLS_KEY_FILE
    if certificate and (problem := why_no_pair(certificate, key)):
        yield unusable_tls_file("IDENTITY_TLS_CERT_FILE and IDENTITY_TLS_KEY_FILE", problem)


@register("centrifugo_proxy")
def check_policy(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that the policy file has no problems."""
    if not settings.CHANNEL_POLICY_PATH:
        return []
    from centrifugo_proxy.wiring.policy import PolicyError, load_policy  # noqa: PLC0415  (only where there is one)

    try:
        load_policy(settings)
    except PolicyError as error:
        return [bad_policy(problem) for problem in error.problems]
    return []


@register("centrifugo_proxy")
def check_modes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Finds settings that are valid alone, but harmful in combination."""
    findings: list[CheckMessage] = []
    envelope = settings.CENTRIFUGO_RESPONSE_MODE is ResponseMode.ENVELOPE
    if envelope and settings.CENTRIFUGO_UNAVAILABLE_CODE in TERMINAL_DISCONNECT_CODES:
        findings.append(terminal_unavailable_code(settings.CENTRIFUGO_UNAVAILABLE_CODE))
    if settings.DEBUG and not is_loopback(settings.LISTEN_HOST):
        findings.append(debug_outside_loopback(settings.LISTEN_HOST))
    return findings


def is_loopback(host: str) -> bool:
    """True if only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def two_forms(name: str) -> Error:
    return Error(
        f"{name} and {name}_FILE are both set.",
        hint=f"Keep one: {name}_FILE for a mounted secret, {name} otherwise.",
        id="centrifugo_proxy.E001",
    )


def unreadable_secret(problem: str) -> Error:
    return Error(
        problem,
        hint="Mount the file with the secret so that this process can read it. Or unset the variable.",
        id="centrifugo_proxy.E002",
    )


def unsendable_secret(problem: str) -> Error:
    return Error(
        f"{problem} An HTTP header, or a program that passes the value on, may change such a value.",
        hint="Use printable ASCII without spaces, such as the output of `openssl rand -hex 32`. Remove any stray "
        "space, line break or byte order mark. A file may end with one line break.",
        id="centrifugo_proxy.E008",
    )


def half_a_pair() -> Error:
    return Error(
        "Only one of IDENTITY_TLS_CERT_FILE and IDENTITY_TLS_KEY_FILE is set.",
        hint="To use a client certificate, set both. Otherwise set neither.",
        id="centrifugo_proxy.E003",
    )


def unreadable_tls_file(name: str, problem: str) -> Error:
    return Error(
        f"{name}: {problem}.",
        hint="Mount the PEM file at that path so that this process can read it. Or unset the variable.",
        id="centrifugo_proxy.E004",
    )


def unusable_tls_file(names: str, problem: str) -> Error:
    return Error(
        f"{names}: {problem}.",
        hint="Mount PEM files. IDENTITY_TLS_CA_FILE contains the certificates of the authority. The other two files "
        "contain the client certificate and its own key, without a passphrase.",
        id="centrifugo_proxy.E006",
    )


def bad_policy(problem: str) -> Error:
    return Error(
        f"CHANNEL_POLICY_PATH: {problem}",
        hint="Run manage.py check_policy FILE to see every problem. policy.example.toml shows the format.",
        id="centrifugo_proxy.E005",
    )


def no_guard() -> Warning:
    return Warning(
        "No guard is configured: any workload that can reach this port can redeem tickets before their owners do.",
        hint="Set CENTRIFUGO_PROXY_TOKEN or CENTRIFUGO_PROXY_TOKEN_FILE, and let Centrifugo send the token as a static "
        "header. manage.py centrifugo_config prints this configuration.",
        id="centrifugo_proxy.W001",
    )


def terminal_unavailable_code(code: int) -> Warning:
    return Warning(
        f"CENTRIFUGO_UNAVAILABLE_CODE is {code} in response mode envelope. SDKs never reconnect after 4500–4999. So if "
        "identity gives no decision about a client, the client stays disconnected.",
        hint="Use a code from 4000 to 4499. The default in this mode is 4103.",
        id="centrifugo_proxy.W002",
    )


def debug_outside_loopback(host: str) -> Warning:
    return Warning(
        f"DEBUG is on, and the service listens on {host}. Error pages show internals of the service to the network.",
        hint="Set DEBUG=false. On a laptop, you can set LISTEN_HOST=127.0.0.1 instead.",
        id="centrifugo_proxy.W003",
    )
