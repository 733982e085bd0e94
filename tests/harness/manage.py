"""Runs manage.py commands: as real processes, or in the process of the tests."""

import json
import os
import subprocess
import sys
from io import StringIO
from typing import Any

from django.core.management import call_command

from tests.harness import warm_start
from tests.harness.paths import ROOT


def run_manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with these arguments and these additional variables, with a warm start if possible."""
    if warm_start.possible(environment):
        return warm_start.run(arguments, _variables(environment))
    return run_manage_from_cold(*arguments, **environment)


def _variables(environment: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_site.settings", **environment}


def run_manage_from_cold(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Like `run_manage`, but with a cold start: a new interpreter."""
    variables = _variables(environment)
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


def called_for_lines(command: str, *arguments: str) -> tuple[int, list[str]]:
    """Like `called`; returns the exit code and the lines of the output."""
    code, output = called(command, *arguments)
    return code, output.splitlines()


def called_for_json(command: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Call a command with `--json`; returns the exit code and the parsed output."""
    code, output = called(command, *arguments, "--json")
    return code, json.loads(output)
