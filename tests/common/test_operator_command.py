"""The output of the operators' commands, and errors while they write it. The commands run as processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.environment import bare_environment
from tests.harness.manage import run_manage
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes

ROUTES = """
version = 1

[[routes]]
name = "diary"
topics = ["diary"]
[[routes.actions]]
do = "publish"
channel = "diary:all"
fields = ["title"]
"""
ESCAPES = "\x1b[2J\x07\nFORGED"


@pytest.mark.parametrize(
    "command",
    [
        ["check_policy", f"/{ESCAPES}"],
        ["check_policy", f"--{ESCAPES}"],
        ["check_policy", "policy.example.toml", "--tier", ESCAPES],
        ["check_policy", "policy.example.toml", "--user", "u", "--channel", f"a:{ESCAPES}"],
        ["check_centrifugo_config", f"/{ESCAPES}"],
        ["check_fallback_pool", "--path", f"/{ESCAPES}"],
        ["mint_fallback_tickets", "--count", "1", "--output", f"/nowhere/{ESCAPES}"],
        ["pods", "--\x1b[2J\x07"],
        [ESCAPES],
    ],
    ids=lambda command: " ".join(command).encode("unicode_escape").decode(),
)
def test_control_characters_in_arguments_are_escaped_in_the_output(command: list[str]) -> None:
    ended = run_manage(*command)

    shown = (ended.stdout + ended.stderr).splitlines()
    assert ended.returncode != 0
    assert all(line.isprintable() for line in shown)
    assert not any(line.startswith("FORGED") for line in shown)


def test_control_characters_in_the_keys_of_a_file_are_escaped_in_the_output(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('"\\u001b[2J\\u009b" = 1\n')

    ended = run_manage("check_policy", str(policy))

    assert r"'\x1b[2J\x9b' is unknown" in ended.stdout
    assert ended.stdout.replace("\n", "").isprintable()


UNPRINTABLE = "\x7f\x85\xad\u202e\U000e0001"


def test_unprintable_characters_in_json_output_are_escaped_and_the_json_stays_valid(tmp_path: Path) -> None:
    routes, value = tmp_path / "routes.toml", tmp_path / "value"
    routes.write_text(ROUTES)
    value.write_text(json.dumps({"title": UNPRINTABLE}, ensure_ascii=False))
    given = ("check_routes", str(routes), "--topic", "diary", "--value", str(value), "--timestamp", "7")

    report, lines = run_manage(*given, "--json"), run_manage(*given)

    command = {"channel": "diary:all", "data": {"title": UNPRINTABLE}, "idempotency_key": "diary:0:0:7"}
    [shown] = [line for line in lines.stdout.splitlines() if line.startswith("  {")]
    assert json.loads(report.stdout)["record"]["commands"] == [{"publish": command}]
    assert json.loads(shown) == {"publish": command}
    assert (report.stdout + lines.stdout).replace("\n", "").isprintable()


def test_the_hints_of_system_checks_are_indented(tmp_path: Path) -> None:
    unguarded = {"CENTRIFUGO_PROXY_TOKEN": "", "CENTRIFUGO_PROXY_SECRET": ""}

    warned = run_manage("simulate_outage", **unguarded)
    refused = run_manage("simulate_outage", FALLBACK_TICKETS_PATH=str(tmp_path), FALLBACK_CONNECT_TTL_S="1")

    assert "\n  HINT: Set CENTRIFUGO_PROXY_TOKEN or " in warned.stderr
    assert "\n  HINT: Set it to the lifetime, in seconds, of a " in refused.stderr


def end_with(redirection: str, *command: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose streams the shell has redirected."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "manage.py", *command]
    ended = subprocess.run(  # noqa: S603
        shell, cwd=ROOT, env=bare_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("redirection", "command", "expected"),
    [
        (
            ">/dev/full",
            ["check_policy", "policy.example.toml"],
            (3, "Cannot write the output: No space left on device.\n"),
        ),
        (">/dev/full", ["centrifugo_config"], (1, "Cannot write the output: No space left on device.\n")),
        (">/dev/full", ["help"], (1, "Cannot write the output: No space left on device.\n")),
        (">/dev/full", ["help", "check"], (1, "Cannot write the output: No space left on device.\n")),
        (">/dev/full", ["diffsettings"], (1, "Cannot write the output: No space left on device.\n")),
        (">/dev/full", ["version"], (1, "Cannot write the output: No space left on device.\n")),
        (">&- 2>&-", ["check_policy", "/nowhere"], (2, "")),
    ],
)
def test_an_unwritable_stream_ends_a_command_with_a_code_and_without_a_traceback(
    redirection: str, command: list[str], expected: tuple[int, str]
) -> None:
    assert end_with(redirection, *command) == expected


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_encoding_of_stdout_lacks_are_escaped(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "new…"

    written = run_manage("mint_fallback_tickets", "--count", "1", "--output", str(path), PYTHONIOENCODING=encoding)
    helped = run_manage("check_centrifugo_config", "--help", PYTHONIOENCODING=encoding)

    assert (written.returncode, path.exists()) == (0, True)
    assert rf"{tmp_path}/new\u2026 (44 bytes" in written.stdout
    assert (helped.returncode, helped.stderr) == (0, "")
    assert r"the CENTRIFUGO_\u2026 variables" in helped.stdout


def test_characters_that_the_locale_lacks_are_escaped() -> None:
    variables = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    helped = run_manage("check_centrifugo_config", "--help", **variables)

    assert (helped.returncode, helped.stderr) == (0, "")
    assert r"the CENTRIFUGO_\u2026 variables" in helped.stdout


def test_json_output_is_valid_in_any_encoding_of_stdout(tmp_path: Path) -> None:
    routes, value = tmp_path / "routes.toml", tmp_path / "value"
    routes.write_text(ROUTES)
    value.write_text('{"title": "é…"}')
    given = ("check_routes", str(routes), "--topic", "diary", "--value", str(value))

    report = run_manage(*given, "--json", PYTHONIOENCODING="ascii")

    [command] = json.loads(report.stdout)["record"]["commands"]
    assert command["publish"]["data"] == {"title": "é…"}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["centrifugo_config"], 1),
        (["pods", "--url=http://127.0.0.1:1"], 2),
        (["help"], 1),
        (["version"], 1),
        (["diffsettings"], 1),
        (["help", "check"], 1),
    ],
    ids=["centrifugo_config", "pods", "help", "version", "diffsettings", "help check"],
)
def test_a_closed_pipe_ends_a_command_with_its_code_and_without_a_message(command: list[str], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "w") as pipe:
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=bare_environment(), stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (code, "")
