"""System checks of the bridge's settings (tag "bridge").

run_bridge runs the checks at startup. The proxy does not run them, because it does not use these settings. If
BRIDGE_ROUTES_PATH is empty, there is no bridge, and the checks do nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from bridge.routing.faults import RoutesError
from common.certificates import has_authorities
from common.files import PEM_BYTES
from common.safe_path import safe_path
from common.secret_files import SecretError
from common.unreadable import why_unreadable

TAG: Final = "bridge"
TLS_FILES: Final = ("BRIDGE_KAFKA_TLS_CA_FILE", "BRIDGE_KAFKA_TLS_CERT_FILE", "BRIDGE_KAFKA_TLS_KEY_FILE")
SASL: Final = ("BRIDGE_KAFKA_SASL_MECHANISM", "BRIDGE_KAFKA_SASL_USER")
SASL_PASSWORD: Final = ("BRIDGE_KAFKA_SASL_PASSWORD", "BRIDGE_KAFKA_SASL_PASSWORD_FILE")


@register(TAG)
def check_routes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the routes file has no faults."""
    if not settings.BRIDGE_ROUTES_PATH:
        return []
    from bridge.routing.file import load_routes  # noqa: PLC0415  (the proxy's process does not need its libraries)

    try:
        load_routes(settings.BRIDGE_ROUTES_PATH)
    except RoutesError as error:
        hint = "manage.py check_routes FILE explains a routes file; docs/bridge.md has its grammar."
        return [_error("E002", f"{fault.sentence(error.file)}.", hint) for fault in error.faults]
    return []


@register(TAG)
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that each secret is set only once, that secret files are readable, and that Kafka properties are valid."""
    if not settings.BRIDGE_ROUTES_PATH:
        return []
    from bridge.running.configuration import ConfigurationError, configuration  # noqa: PLC0415

    try:
        api_key = configuration(settings).api.key
    except SecretError as error:
        hint = (
            "Set the variable, or set …_FILE to the path of a file that this process can read; do not set both. "
            "CENTRIFUGO_API_KEY is sent in a header, so it must not contain white space."
        )
        return [_error("E003", str(error), hint)]
    except ConfigurationError as error:
        return [_error("E004", str(error), "Write one librdkafka property on each line: name=value.")]
    if api_key:
        return []
    hint = (
        "Set it to the value of Centrifugo's http_api.key, or set CENTRIFUGO_API_KEY_FILE to the path of a file with "
        "this key. Without a key, everyone who can connect to Centrifugo's API can use it."
    )
    return [Warning("CENTRIFUGO_API_KEY is not set.", hint=hint, id="bridge.W001")]


@register(TAG)
def check_kafka_security(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the TLS and SASL options fit BRIDGE_KAFKA_SECURITY, and that the TLS files can be used."""
    if not settings.BRIDGE_ROUTES_PATH:
        return []
    findings = [*_tls_findings(), *_sasl_findings()]
    if settings.BRIDGE_KAFKA_SECURITY == "sasl_plaintext":
        hint = "Use sasl_tls. Use sasl_plaintext on a trusted network only."
        text = "BRIDGE_KAFKA_SECURITY is sasl_plaintext: the mechanism PLAIN sends the password unencrypted."
        findings.append(Warning(text, hint=hint, id="bridge.W002"))
    return findings


def _tls_findings() -> Iterator[CheckMessage]:
    given = [name for name in TLS_FILES if getattr(settings, name)]
    security = settings.BRIDGE_KAFKA_SECURITY
    if given and "tls" not in security:
        hint = f"Set BRIDGE_KAFKA_SECURITY to tls or sasl_tls, or unset {given[0]}."
        yield _error("E005", f"{given[0]} is set, but BRIDGE_KAFKA_SECURITY is {security}: nothing is encrypted.", hint)
    if bool(settings.BRIDGE_KAFKA_TLS_CERT_FILE) != bool(settings.BRIDGE_KAFKA_TLS_KEY_FILE):
        text = "Only one of BRIDGE_KAFKA_TLS_CERT_FILE and BRIDGE_KAFKA_TLS_KEY_FILE is set."
        yield _error("E006", text, "Set both to use a client certificate, or unset both.")
    for name in (*given, *(["CENTRIFUGO_API_TLS_CA_FILE"] if settings.CENTRIFUGO_API_TLS_CA_FILE else [])):
        if problem := why_unreadable(getattr(settings, name), PEM_BYTES):
            yield _error("E007", f"{name}: {problem}.", "Mount a PEM file at this path, and let this process read it.")
        elif name.endswith("CA_FILE") and not has_authorities(getattr(settings, name)):
            text = f"{name}: {safe_path(getattr(settings, name))} contains no valid PEM certificate."
            yield _error("E007", text, "Mount a PEM file with the certificates of the authorities.")


def _sasl_findings() -> Iterator[CheckMessage]:
    uses = settings.BRIDGE_KAFKA_SECURITY.startswith("sasl")
    password = any(getattr(settings, name) for name in SASL_PASSWORD)
    missing = [name for name in SASL if not getattr(settings, name)] + ([] if password else [SASL_PASSWORD[0]])
    if uses and missing:
        text = f"BRIDGE_KAFKA_SECURITY is {settings.BRIDGE_KAFKA_SECURITY}, but {missing[0]} is not set."
        yield _error("E008", text, "Set the mechanism, the user and the password.")
    given = [name for name in (*SASL, *SASL_PASSWORD) if getattr(settings, name)]
    if given and not uses:
        security = settings.BRIDGE_KAFKA_SECURITY
        text = f"{given[0]} is set, but has no effect, because BRIDGE_KAFKA_SECURITY is {security}."
        yield _error("E009", text, f"Set BRIDGE_KAFKA_SECURITY to sasl_tls, or unset {given[0]}.")


@register(TAG)
def check_limits(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Find settings that contradict each other or are dangerous."""
    if not settings.BRIDGE_ROUTES_PATH:
        return []
    return [*_contradictions(), *_dangers()]


def _contradictions() -> Iterator[CheckMessage]:
    if settings.BRIDGE_WINDOW < settings.BRIDGE_PENDING_MAX:
        text = f"BRIDGE_WINDOW is {settings.BRIDGE_WINDOW}, below BRIDGE_PENDING_MAX ({settings.BRIDGE_PENDING_MAX})."
        yield _error("E010", text, "Raise BRIDGE_WINDOW, or lower BRIDGE_PENDING_MAX.")
    if settings.BRIDGE_RETRY_MAX_MS < settings.BRIDGE_RETRY_MIN_MS:
        shortest = settings.BRIDGE_RETRY_MIN_MS
        text = f"BRIDGE_RETRY_MAX_MS is {settings.BRIDGE_RETRY_MAX_MS}, below BRIDGE_RETRY_MIN_MS ({shortest})."
        yield _error("E011", text, "Raise BRIDGE_RETRY_MAX_MS, or lower BRIDGE_RETRY_MIN_MS.")
    for name in ("BRIDGE_KAFKA_GROUP", "CENTRIFUGO_API_URL"):
        if not getattr(settings, name):
            yield _error(
                "E012", f"{name} is empty.", f"Set {name}, or unset it to use the default value in .env.example."
            )
    if settings.BRIDGE_REPLAY_TOPIC and settings.BRIDGE_REPLAY_TOPIC == settings.BRIDGE_DEAD_LETTER_TOPIC:
        text = "BRIDGE_REPLAY_TOPIC and BRIDGE_DEAD_LETTER_TOPIC are the same topic: replays would repeat without end."
        yield _error("E013", text, "Unset BRIDGE_REPLAY_TOPIC to use its default, or set it to another topic.")


def _dangers() -> Iterator[CheckMessage]:
    if settings.BRIDGE_OFFSET_RESET == "latest":
        text = "BRIDGE_OFFSET_RESET is latest: events written before the bridge first reads their partition are lost."
        yield Warning(text, hint="Use earliest.", id="bridge.W003")
    if settings.BRIDGE_INSTANCE_ID:
        text = "BRIDGE_INSTANCE_ID is set: this process does not leave the consumer group at SIGTERM."
        hint = "Use it only in a StatefulSet, and give each replica a different value."
        yield Warning(text, hint=hint, id="bridge.W004")


def no_routes() -> Error:
    """The error of run_bridge if BRIDGE_ROUTES_PATH is not set."""
    return _error(
        "E001", "BRIDGE_ROUTES_PATH is not set.", "Set it to the path of a routes file; routes.example/ has an example."
    )


def _error(number: str, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"bridge.{number}")
