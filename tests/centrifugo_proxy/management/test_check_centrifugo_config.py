"""`manage.py check_centrifugo_config`: its output, its exit codes, and the page that explains each finding."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from centrifugo_proxy.server_config.findings import UNPARSABLE, UNREADABLE
from centrifugo_proxy.server_config.linter import RULES
from tests.centrifugo_proxy.server_config.valid_configs import Config, changed
from tests.harness.django_settings import Settings
from tests.harness.manage import called, called_for_json, run_manage
from tests.harness.paths import DOCS

PAGE = (DOCS / "centrifugo.md").read_text()


def check(file: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the output."""
    return called("check_centrifugo_config", str(file), *arguments)


@pytest.fixture
def valid_config() -> Config:
    output = StringIO()
    call_command("centrifugo_config", "--format", "json", stdout=output, stderr=StringIO())
    return changed(json.loads(output.getvalue()), {"client.allowed_origins": ["https://app.test"]})


def written(folder: Path, config: Config) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    return file


def test_the_output_of_centrifugo_config_has_no_findings_once_the_origins_are_filled_in(
    tmp_path: Path, valid_config: Config
) -> None:
    file = written(tmp_path, valid_config)

    assert check(file) == (0, f"{file} (Centrifugo v6 layout): 0 errors, 0 warnings.\n")


def test_warnings_give_exit_code_1(tmp_path: Path, valid_config: Config) -> None:
    file = written(tmp_path, changed(valid_config, {"client.allowed_origins": []}))

    code, output = check(file)

    assert (code, output.splitlines()[0]) == (1, "WARNING origins-empty at client.allowed_origins")
    assert output.splitlines()[-1] == f"{file} (Centrifugo v6 layout): 0 errors, 1 warning."


def test_errors_give_exit_code_2_and_are_listed_before_warnings(tmp_path: Path, valid_config: Config) -> None:
    file = written(
        tmp_path,
        changed(valid_config, {"client.token.hmac_secret_key": "made-up", "client.proxy.connect.timeout": "1s"}),
    )

    code, output = check(file)

    assert code == 2
    assert [line for line in output.splitlines() if line.startswith(("ERROR", "WARNING"))] == [
        "ERROR timeout-not-above-deadline at client.proxy.connect.timeout",
        "WARNING jwt-keys at client.token.hmac_secret_key",
    ]


def test_a_finding_is_printed_with_its_effect_and_its_remedy(tmp_path: Path, valid_config: Config) -> None:
    file = written(tmp_path, changed(valid_config, {"client.allowed_origins": ["*"]}))

    _, output = check(file)

    assert output.splitlines()[:3] == [
        "ERROR origins-any at client.allowed_origins",
        "  If a user visits the web page of an attacker, the page can open a connection from the user's browser.",
        "  Remedy: List the origins of your app, such as https://app.example.com.",
    ]


def test_the_findings_depend_on_the_services_settings(tmp_path: Path, valid_config: Config, settings: Settings) -> None:
    settings.IDENTITY_VALIDATE_DEADLINE_MS = 3000
    settings.CENTRIFUGO_PROXY_TOKEN = "made-up"

    _, report = check_json(written(tmp_path, valid_config))

    assert [finding["id"] for finding in report["findings"]] == ["timeout-not-above-deadline", "guard-header-missing"]


def check_json(file: Path) -> tuple[int, dict[str, Any]]:
    return called_for_json("check_centrifugo_config", str(file))


def test_the_json_is_complete_and_its_fields_are_documented(tmp_path: Path, valid_config: Config) -> None:
    file = written(tmp_path, changed(valid_config, {"client.allowed_origins": []}))

    code, report = check_json(file)

    (finding,) = report.pop("findings")
    assert (code, report) == (1, {"file": str(file), "major": 6, "errors": 0, "warnings": 1})
    section = PAGE.partition("\n## Checking a configuration\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(?:findings\[\]\.)?([a-z]+)` \|", section, re.MULTILINE)
    assert documented == [*report, *finding]


def test_a_file_that_cannot_be_parsed_gives_exit_code_2_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("client:\n  proxy: {\n")

    code, report = check_json(file)

    assert (code, report["major"]) == (2, None)
    assert [(finding["id"], finding["path"]) for finding in report["findings"]] == [(UNPARSABLE, "line 3, column 1")]


def test_a_file_that_is_not_utf_8_gives_exit_code_2_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"client: {}\n# \xff\n")

    code, report = check_json(file)

    assert (code, report["findings"][0]["path"]) == (2, "line 2")


@pytest.mark.parametrize(
    ("levels", "finding_id"), [(200, "connect-proxy-missing"), (960, UNREADABLE), (100_000, UNREADABLE)]
)
def test_a_file_is_unreadable_only_if_its_nesting_exceeds_a_limit(tmp_path: Path, levels: int, finding_id: str) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"a":' * levels + "1" + "}" * levels)

    code, report = check_json(file)

    assert (code, report["findings"][0]["id"]) == (2, finding_id)


def test_v5_reads_yes_in_yaml_as_true_and_uses_the_last_of_two_equal_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("client_insecure: no\nclient_insecure: yes\n")

    _, report = check_json(file)

    assert "insecure-mode" in [finding["id"] for finding in report["findings"]]


@pytest.mark.parametrize("number", [".inf", ".nan", "1e300"])
def test_a_number_that_is_no_valid_duration_is_a_finding(tmp_path: Path, number: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"client:\n  ping_interval: {number}\nchannel:\n  history_meta_ttl: {number}\n")

    code, report = check_json(file)

    refused = [finding["path"] for finding in report["findings"] if finding["id"] == "start-refused"]
    assert (code, refused) == (2, ["client.ping_interval", "channel.without_namespace.history_ttl"])


def test_a_missing_file_gives_exit_code_2(tmp_path: Path) -> None:
    code, output = check(tmp_path / "absent.json")

    assert (code, output.splitlines()[0]) == (2, f"ERROR {UNREADABLE}")
    assert "No such file or directory" in output


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    code, output = check(tmp_path)

    assert (code, "Is a directory" in output) == (2, True)


def test_an_unreadable_secret_of_the_service_gives_exit_code_3(tmp_path: Path, settings: Settings) -> None:
    settings.CENTRIFUGO_PROXY_TOKEN_FILE = "/nowhere/token"

    with pytest.raises(CommandError, match="cannot read /nowhere/token") as refused:
        check(tmp_path / "config.json")

    assert refused.value.returncode == 3


def test_an_unusable_policy_of_the_service_gives_exit_code_3(tmp_path: Path, settings: Settings) -> None:
    settings.CHANNEL_POLICY_PATH = str(tmp_path / "absent.toml")

    with pytest.raises(CommandError) as refused:
        check(tmp_path / "config.json")

    assert refused.value.returncode == 3


@pytest.mark.processes
def test_the_process_exits_with_2_if_there_are_errors(tmp_path: Path, valid_config: Config) -> None:
    file = written(tmp_path, changed(valid_config, {"client.insecure": True}))

    ended = run_manage("check_centrifugo_config", str(file))

    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout.startswith("ERROR insecure-mode at client.insecure\n")


def test_the_documentation_explains_every_finding_and_no_other() -> None:
    explained = re.findall(r"^### `([a-z0-9-]+)` \((error|warning)\)$", PAGE, re.MULTILINE)

    before_reading = [(UNREADABLE, "error"), (UNPARSABLE, "error")]
    assert explained == before_reading + [(finding_id, rule.severity.value) for finding_id, rule in RULES.items()]


@pytest.mark.processes
def test_with_the_env_option_the_variables_of_the_process_override_the_file(
    tmp_path: Path, valid_config: Config
) -> None:
    file = written(tmp_path, valid_config)
    variables = {"CENTRIFUGO_CLIENT_INSECURE": "true", "CENTRIFUGO_RESPONSE_MODE": "http"}

    result = run_manage("check_centrifugo_config", "--env", "--json", str(file), **variables)

    assert [finding["id"] for finding in json.loads(result.stdout)["findings"]] == ["insecure-mode"]
    assert result.returncode == 2


@pytest.mark.processes
def test_with_the_env_option_no_file_is_needed() -> None:
    result = run_manage("check_centrifugo_config", "--env", CENTRIFUGO_GRPC_API="true")

    assert result.returncode == 2
    assert "ERROR api-without-key at grpc_api_key" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("environment (Centrifugo v5 layout): ")


@pytest.mark.processes
def test_the_error_names_both_options_if_a_file_and_the_env_option_are_missing() -> None:
    result = run_manage("check_centrifugo_config")

    assert (result.returncode, result.stderr) == (
        2,
        "CommandError: Give a FILE to check, or pass --env to check the environment variables.\n",
    )


def test_the_major_option_sets_the_layout(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("allowed_origins: [https://app.test]\n")

    assert check(file, "--major", "6")[1].splitlines()[-1].startswith(f"{file} (Centrifugo v6 layout)")
