"""manage.py as an operator meets it."""

import re

import pytest

from common.version import VERSION
from tests.harness.manage import run_manage
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes


def our_commands() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("*/management/commands/*.py") if path.stem != "__init__")


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_our_commands_before_djangos(words: list[str]) -> None:
    ended = run_manage(*words)

    ours, _, djangos = ended.stdout.partition("Commands of Django:")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"^  (\w+)  +\S", ours, re.MULTILINE) == our_commands()
    assert "check" in djangos
    assert "server" not in ended.stdout.replace("serve ", "")


@pytest.mark.parametrize("words", [["version"], ["--version"], ["serve", "--version"], ["pods", "--version"]])
def test_version_is_the_services(words: list[str]) -> None:
    ended = run_manage(*words)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{VERSION}\n", "")


@pytest.mark.parametrize("words", [["runserver"], ["runserver", "8000"], ["testserver", "--noinput"]])
def test_djangos_servers_name_the_command_that_is_meant(words: list[str]) -> None:
    ended = run_manage(*words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"{words[0]} is Django's development server and cannot run this service; use manage.py serve.\n"
    )


@pytest.mark.parametrize("words", [["--settings=other.settings"], ["--settings", "other.settings"]])
def test_another_settings_module_is_refused(words: list[str]) -> None:
    ended = run_manage("check", *words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("--settings has no use here: the settings are always realtime_site.settings;")


@pytest.mark.parametrize(("command", "code"), [("check", 1), ("check_fallback_pool", 3)])
def test_the_settings_of_another_project_are_refused_by_name(command: str, code: int) -> None:
    ended = run_manage(command, DJANGO_SETTINGS_MODULE="other.settings")

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr == (
        "Configuration refused:\n"
        "DJANGO_SETTINGS_MODULE is 'other.settings'; accepted: realtime_site.settings, or unset.\n"
    )


def test_an_empty_settings_module_is_an_unset_one() -> None:
    assert run_manage("check_fallback_pool", DJANGO_SETTINGS_MODULE="").returncode == 0
