"""System checks of environment variables that are set but have no effect. Ids are never reused."""

from collections.abc import Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

TLS_VARIABLES: Final = (
    "IDENTITY_TLS_CA_FILE",
    "IDENTITY_TLS_CERT_FILE",
    "IDENTITY_TLS_KEY_FILE",
    "IDENTITY_TLS_SERVER_NAME",
)


@register("centrifugo_proxy", "variables")
def check_variables(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that every variable that is meant for this service has an effect."""
    return [
        *(misspelt_variable(name, nearest) for name, nearest in settings.MISSPELT_VARIABLES.items()),
        *(ignored_variable(name, reason) for name, reason in settings.IGNORED_VARIABLES.items()),
    ]


@register("centrifugo_proxy")
def check_negotiation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that IDENTITY_TLS_… is set only for the negotiation type tls. With another type, the variables have no
    effect, and tickets might be sent in plaintext.
    """
    present = [name for name in TLS_VARIABLES if getattr(settings, name)]
    if present and settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE != "tls":
        return [tls_without_tls(present, settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE)]
    return []


def misspelt_variable(name: str, nearest: str) -> Warning:
    return Warning(
        f"{name} is not a setting of this service and has no effect.",
        hint=f"Did you mean {nearest}?" if nearest else "Remove it. docs/reference.md lists the settings.",
        id="centrifugo_proxy.W004",
    )


def ignored_variable(name: str, reason: str) -> Warning:
    return Warning(
        f"{name} is ignored: {reason}.",
        hint="Remove it from this process's environment.",
        id="centrifugo_proxy.W005",
    )


def tls_without_tls(names: Sequence[str], negotiation_type: str) -> Error:
    verb = "is" if len(names) == 1 else "are"
    return Error(
        f"{', '.join(names)} {verb} set, but IDENTITY_VALIDATE_NEGOTIATION_TYPE is {negotiation_type}, which does not "
        f"use {'it' if len(names) == 1 else 'them'}.",
        hint=f"Set IDENTITY_VALIDATE_NEGOTIATION_TYPE=tls, or unset {', '.join(names)}.",
        id="centrifugo_proxy.E007",
    )
