"""Runs manage.py commands as real processes."""

import os
import subprocess
import sys

from tests.harness.paths import ROOT


def run_manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `manage.py` with these arguments and these additional variables."""
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_site.settings", **environment}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
