"""Runs manage.py commands: as real processes, or in this one."""

import os
import subprocess
import sys
from io import StringIO

from django.core.management import call_command

from tests.harness.paths import ROOT


def run_manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with these arguments and these additional variables."""
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_site.settings", **environment}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603


def called(command: str, *arguments: str) -> tuple[int, str]:
    """Call a command in this process; returns the exit code and the output. Raises CommandError."""
    output = StringIO()
    try:
        call_command(command, *arguments, stdout=output, no_color=True)
    except SystemExit as ended:
        return int(ended.code or 0), output.getvalue()
    return 0, output.getvalue()
