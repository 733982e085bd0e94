"""Starts Django for a process, and refuses in one clear message what would go wrong later."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import django
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from common.exit_codes import PluginState

# Ours, and the routes. Django's others are about databases and templates, and would load the ORM's migrations.
TAGS: Final = ("centrifugo_proxy", "fallback", "urls")

REFUSED: Final = 1
SETTINGS: Final = "realtime_site.settings"

logger = logging.getLogger("realtime_site")


def refusal_code(arguments: Sequence[str]) -> int:
    """The exit code of a command line whose environment is refused; check_… and pods report a state by theirs."""
    command = "".join(arguments[1:2])
    return PluginState.UNKNOWN if command.startswith("check_") or command == "pods" else REFUSED


def configure(refusal_code: int = REFUSED) -> None:
    """Load the settings and the apps; exit with the reason when the environment is refused."""
    # gRPC's core writes lines of its own to stderr, no JSON and without bounds: a failing handshake's every second.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        _choose_settings()
        django.setup()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"Configuration refused:\n{error}\n")
        sys.exit(refusal_code)


def _choose_settings() -> None:
    """Use our settings module. Raises ImproperlyConfigured when the environment names another project's."""
    named = os.environ.get("DJANGO_SETTINGS_MODULE") or SETTINGS
    if named != SETTINGS and not settings.configured:  # tests have loaded their own by now
        raise ImproperlyConfigured(f"DJANGO_SETTINGS_MODULE is {named!r}; accepted: {SETTINGS}, or unset.")
    os.environ["DJANGO_SETTINGS_MODULE"] = named


def check() -> None:
    """Run the system checks as Django's commands would: exit on an error, log each warning."""
    messages = checks.run_checks(tags=TAGS)
    errors = [message for message in messages if message.is_serious()]
    if errors:
        sys.exit("Configuration refused:\n" + "\n".join(_sentence(error) for error in errors))
    for message in messages:
        logger.warning("%s", _sentence(message))


def _sentence(message: checks.CheckMessage) -> str:
    return f"{message.id}: {message.msg} {message.hint or ''}".strip()
