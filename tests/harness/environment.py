"""Settings from environment variables, read by the real settings module."""

import os
import runpy
from typing import Any
from unittest.mock import patch

from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from tests.harness.paths import ROOT

SETTINGS = str(ROOT / "realtime_site" / "settings.py")


def settings_from(**variables: str) -> dict[str, Any]:
    """The settings that come from variables, with only these variables set. Raises ImproperlyConfigured."""
    with patch.dict(os.environ, variables, clear=True):
        module = runpy.run_path(SETTINGS)
    return {name: module[name] for name in module["env"].defaults}


def system_checks(**variables: str) -> list[CheckMessage]:
    """The messages of the system checks with only these variables set."""
    with override_settings(**settings_from(**variables)):
        return run_checks()


def bare_environment(**variables: str) -> dict[str, str]:
    """The environment of a process: these variables and the shell's PATH, with tracing off and warnings as errors."""
    base = {"PATH": os.environ["PATH"], "OTEL_EXPORTER_OTLP_ENDPOINT": "", "PYTHONWARNINGS": "error"}
    return {**base, **variables}


def service_settings_from(**variables: str) -> dict[str, Any]:
    """Settings for `service(...)` from these variables, without the setting that `service` sets itself."""
    settings = settings_from(OTEL_EXPORTER_OTLP_ENDPOINT="", **variables)
    del settings["IDENTITY_VALIDATE_GRPC_ADDRESS"]
    return settings
