"""Starts Django for a process, and refuses in one clear message what would go wrong later."""

import logging
import os
import sys
from typing import Final

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

# Ours, and the routes. Django's others are about databases and templates, and would load the ORM's migrations.
TAGS: Final = ("centrifugo_proxy", "fallback", "urls")

logger = logging.getLogger("realtime_site")


def configure() -> None:
    """Load the settings and the apps; exit with the reason when the environment is refused."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_site.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration refused:\n{error}")


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
