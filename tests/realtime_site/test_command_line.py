"""The command line of manage.py."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.version import VERSION
from tests.harness.manage import run_manage
from tests.harness.paths import DOCS, ROOT

pytestmark = pytest.mark.processes


def our_commands() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("*/management/commands/*.py") if path.stem != "__init__")


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_our_commands_first_and_leaves_out_djangos_servers(words: list[str]) -> None:
    ended = run_manage(*words)

    ours, _, djangos = ended.stdout.partition("Commands of Django:")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"^  (\w+)  +\S", ours, re.MULTILINE) == our_commands()
    assert max(map(len, ended.stdout.splitlines())) <= 100
    assert "check" in djangos
    assert "server" not in ended.stdout


@pytest.mark.parametrize("words", [["version"], ["--version"], ["serve", "--version"], ["pods", "--version"]])
def test_version_prints_the_version_of_the_service(words: list[str]) -> None:
    ended = run_manage(*words)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{VERSION}\n", "")


def test_log_lines_of_any_level_stay_out_of_the_stdout_of_a_command() -> None:
    ended = run_manage("pods", "--url", "http://127.0.0.1:1", "--json", LOG_LEVEL="trace")

    assert json.loads(ended.stdout)["state"] == "critical"
    assert "Using selector" in ended.stderr


@pytest.mark.parametrize("words", [["runserver"], ["runserver", "8000"], ["testserver", "--noinput"]])
def test_djangos_servers_are_refused_and_the_message_names_manage_py_serve(words: list[str]) -> None:
    ended = run_manage(*words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"{words[0]} is Django's development server and cannot run this service; use manage.py serve.\n"
    )


@pytest.mark.parametrize("words", [["--settings=other.settings"], ["--settings", "other.settings"]])
def test_another_settings_module_is_refused(words: list[str]) -> None:
    ended = run_manage("check", *words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("--settings is not supported: the settings are always realtime_site.settings;")


@pytest.mark.parametrize(("command", "code"), [("check", 1), ("check_fallback_pool", 3)])
def test_the_settings_of_another_project_are_refused_and_named(command: str, code: int) -> None:
    ended = run_manage(command, DJANGO_SETTINGS_MODULE="other.settings")

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr == (
        "Configuration refused:\n"
        "DJANGO_SETTINGS_MODULE is 'other.settings'; accepted: realtime_site.settings, or unset.\n"
    )


def test_an_empty_settings_module_counts_as_unset() -> None:
    assert run_manage("check_fallback_pool", DJANGO_SETTINGS_MODULE="").returncode == 0


@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        ("manage.py mi", ["migrate", "mint_fallback_tickets"]),
        ("manage.py sim", ["simulate_outage"]),
        ("manage.py mint_fallback_tickets --c", ["--count="]),
        ("manage.py simulate_outage --real", ["--realtime"]),
    ],
)
def test_bash_completion_works_as_the_reference_describes(typed: str, completions: list[str]) -> None:
    ended = completed(typed)

    assert (ended.stdout.split(), ended.stderr) == (completions, "")


def completed(typed: str) -> subprocess.CompletedProcess[str]:
    """The result of a real bash that completes these words. Its stdout is the content of COMPREPLY."""
    [lines] = re.findall(r"^```bash\n(.*?)^```", (DOCS / "reference.md").read_text(), re.MULTILINE | re.DOTALL)
    words = typed.split()
    script = f"""
{lines}
complete -p manage.py > /dev/null
COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
_manage_py manage.py
echo "${{COMPREPLY[@]}}"
"""
    path = f"{Path(sys.executable).parent}:{ROOT}:{os.environ['PATH']}"
    command = ["bash", "--norc", "-c", script]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
