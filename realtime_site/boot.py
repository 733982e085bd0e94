"""Starts Django for a process. If the configuration is bad, one message lists all problems."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import django
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from common import log_output, standard_streams
from common.exit_codes import FAILED
from common.printable import printable, printable_lines

# Our checks and Django's URL checks. Django's other checks are for parts that are not used here; some load the ORM.
TAGS: Final = ("centrifugo_proxy", "fallback", "urls")
EVERY_PROCESS: Final = "variables"  # the tag of checks that also run in the bridge

SETTINGS: Final = "realtime_site.settings"

logger = logging.getLogger("realtime_site")


def configure(refusal_code: int = FAILED) -> None:
    """Load the settings and the apps. If the environment is invalid, print why and exit with `refusal_code`."""
    standard_streams.secure()
    # gRPC's core writes plain lines to stderr without a limit, such as one per second for a failing handshake.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        _choose_settings()
        django.setup()
    except ImproperlyConfigured as error:
        refuse(printable_lines(str(error)), refusal_code)


def _choose_settings() -> None:
    """Use our settings module. Raises ImproperlyConfigured if the environment names another module."""
    named = os.environ.get("DJANGO_SETTINGS_MODULE") or SETTINGS
    if named != SETTINGS and not settings.configured:  # tests have already loaded their own settings
        raise ImproperlyConfigured(f"DJANGO_SETTINGS_MODULE is {named!r}; accepted: {SETTINGS}, or unset.")
    os.environ["DJANGO_SETTINGS_MODULE"] = named


def check(tags: Sequence[str] = TAGS) -> None:
    """Run the checks with these tags and the checks of every process. Exit with 1 on an error; log each warning."""
    messages = checks.run_checks(tags=[*tags, EVERY_PROCESS])
    errors = [message for message in messages if message.is_serious()]
    if errors:
        refuse("\n".join(sentence(error) for error in errors), FAILED)
    for message in messages:
        logger.warning("%s", sentence(message))


def refuse(problems: str, exit_code: int) -> NoReturn:
    """Write the problems to stderr, and exit."""
    log_output.write_text(2, f"Configuration refused:\n{problems}\n")
    sys.exit(exit_code)


def sentence(message: checks.CheckMessage) -> str:
    """A finding and its remedy on one line."""
    return printable(f"{message.id}: {message.msg} {message.hint or ''}".strip())
