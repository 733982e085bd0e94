"""The output of `manage.py centrifugo_config`."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from tests.harness.django_settings import Settings
from tests.harness.manage import run_manage


def printed(*arguments: str) -> tuple[str, str]:
    """The command's stdout and stderr."""
    out, err = StringIO(), StringIO()
    call_command("centrifugo_config", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def connect_proxy(*arguments: str) -> dict[str, Any]:
    out, _ = printed("--format", "json", *arguments)
    proxy: dict[str, Any] = json.loads(out)["client"]["proxy"]["connect"]
    return proxy


def test_the_default_endpoint_is_localhost_on_the_listen_port(settings: Settings) -> None:
    settings.LISTEN_PORT = 9999

    assert connect_proxy()["endpoint"] == "http://localhost:9999/centrifugo/connect"


@pytest.mark.parametrize("given", ["https://rt.test/prefix", "https://rt.test/prefix/"])
def test_the_endpoint_option_replaces_the_default(given: str) -> None:
    assert connect_proxy("--endpoint", given)["endpoint"] == "https://rt.test/prefix/centrifugo/connect"


@pytest.mark.parametrize(
    "given",
    [
        "realtime:9730",
        "grpc://realtime:9730",
        "http://",
        "http://rt/?a=b",
        "http://rt?",
        "http://rt:port",
        "http://r t",
    ],
)
def test_an_endpoint_that_cannot_be_the_services_url_is_refused(given: str) -> None:
    with pytest.raises(CommandError, match="is not the URL of this service"):
        printed("--endpoint", given)


def test_centrifugos_connect_timeout_is_longer_than_the_deadline_of_calls_to_identity(settings: Settings) -> None:
    settings.IDENTITY_VALIDATE_DEADLINE_MS = 700

    assert connect_proxy()["timeout"] == "1200ms"


@pytest.mark.parametrize(("store", "expected"), [("redis://localhost", 3200), ("", 2800)])
def test_centrifugos_connect_timeout_includes_the_deadline_of_a_shared_claims_store(
    settings: Settings, store: str, expected: int
) -> None:
    settings.FALLBACK_TICKETS_PATH, settings.FALLBACK_CLAIMS_URL = "pool", store
    settings.IDENTITY_VALIDATE_DEADLINE_MS, settings.FALLBACK_CLAIMS_DEADLINE_MS = 2300, 400

    proxies = json.loads(printed("--format", "json")[0])["client"]["proxy"]

    assert proxies["connect"]["timeout"] == f"{expected}ms"
    assert proxies["refresh"]["timeout"] == "2800ms"


def test_yaml_with_comments_is_the_default_format() -> None:
    out, _ = printed()

    assert yaml.safe_load(out)["client"]["allowed_origins"] == []
    assert "# Longer than IDENTITY_VALIDATE_DEADLINE_MS (2500 ms)" in out


def test_the_guards_token_is_read_from_a_file_and_printed_only_with_the_with_secrets_option(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("from-the-file\n")
    settings.CENTRIFUGO_PROXY_TOKEN_FILE = str(tmp_path / "token")

    hidden, printed_token = connect_proxy(), connect_proxy("--with-secrets")

    assert hidden["http"]["static_headers"] == {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_VAR_PROXY_TOKEN}"}
    assert printed_token["http"]["static_headers"] == {"X-Centrifugo-Proxy-Token": "from-the-file"}


def test_a_secret_that_cannot_be_read_is_reported_in_one_line(settings: Settings) -> None:
    settings.CENTRIFUGO_PROXY_TOKEN_FILE = "/nowhere/token"

    with pytest.raises(CommandError, match="CENTRIFUGO_PROXY_TOKEN_FILE: cannot read /nowhere/token"):
        printed()


def test_if_a_signing_secret_is_set_stderr_says_that_centrifugo_cannot_sign(settings: Settings) -> None:
    settings.CENTRIFUGO_PROXY_SECRET = "made-up"

    out, err = printed()

    assert "Centrifugo cannot sign its requests" in err
    assert "made-up" not in out + err


@pytest.fixture
def policy(settings: Settings, tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text('[[channels]]\nmatch = "family:{family_id}"\nallow = ["subscribe"]\n')
    settings.CHANNEL_POLICY_PATH = str(file)
    return file


@pytest.mark.usefixtures("policy")
def test_a_policy_enables_session_events_in_the_namespaces_of_its_channels() -> None:
    out, _ = printed("--format", "json", "--major", "6")

    channel = json.loads(out)["channel"]
    assert sorted(channel["proxy"]) == ["publish", "sub_refresh", "subscribe"]
    assert [namespace["name"] for namespace in channel["namespaces"]] == ["family"]


def test_an_invalid_policy_is_reported_in_one_line(policy: Path) -> None:
    policy.write_text("[[channels]]\n")

    with pytest.raises(CommandError, match=r"line 1, \[\[channels\]\] rule 1: allow is missing"):
        printed()


@pytest.mark.parametrize("mode", ["http", "envelope"])
@pytest.mark.parametrize("major", ["5", "6"])
def test_a_fallback_pool_enables_the_refresh_proxy_and_the_token_is_not_printed(
    settings: Settings, major: str, mode: str
) -> None:
    settings.FALLBACK_TICKETS_PATH = "pool"
    settings.CENTRIFUGO_PROXY_TOKEN = "made-up"
    settings.CENTRIFUGO_RESPONSE_MODE = mode

    out, _ = printed("--format", "json", "--major", major)

    assert "http://localhost:9730/centrifugo/refresh" in out
    assert "made-up" not in out


@pytest.mark.usefixtures("policy")
def test_centrifugos_publish_and_rpc_timeouts_are_longer_than_the_deadlines_of_the_backends(settings: Settings) -> None:
    settings.FAMILY_SERVICE_GRPC_ADDRESS, settings.FAMILY_SERVICE_DEADLINE_MS = "family:50051", 300
    settings.RPC_BACKENDS, settings.RPC_DEADLINE_MS = {"diary": "diary:50051"}, 5000

    out, _ = printed("--format", "json", "--major", "5")

    config = json.loads(out)
    assert (config["proxy_publish_timeout"], config["proxy_rpc_timeout"]) == ("800ms", "5500ms")


@pytest.mark.processes
def test_stdout_has_only_the_configuration_and_stderr_has_the_remaining_steps() -> None:
    ended = run_manage("centrifugo_config", "--format", "json", "--major", "5", CENTRIFUGO_PROXY_TOKEN="made-up")

    assert ended.returncode == 0
    assert json.loads(ended.stdout)["allowed_origins"] == []
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == [
        "allowed_origins",
        "X-Centrifugo-Proxy-Token",
    ]


@pytest.mark.parametrize(
    ("endpoint", "connect"),
    [
        ("http://realtime:9730/centrifugo/connect", "http://realtime:9730/centrifugo/connect"),
        ("http://realtime:9730/centrifugo/sub_refresh/", "http://realtime:9730/centrifugo/connect"),
        ("http://realtime:9730/centrifugo", "http://realtime:9730/centrifugo/connect"),
        ("https://gateway/realtime/centrifugo/rpc", "https://gateway/realtime/centrifugo/connect"),
        ("https://gateway/realtime/", "https://gateway/realtime/centrifugo/connect"),
    ],
)
def test_an_endpoint_that_already_has_an_event_path_gets_no_second_one(endpoint: str, connect: str) -> None:
    assert connect_proxy("--endpoint", endpoint)["endpoint"] == connect
