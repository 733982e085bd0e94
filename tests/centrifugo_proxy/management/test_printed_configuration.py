"""Centrifugo's own check of the output of `manage.py centrifugo_config`."""

from pathlib import Path

import pytest

from tests.centrifugo_proxy.server_config.test_accepted import centrifugo_of
from tests.harness.centrifugo import complaint, guard_variables, majors, printed
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes

GUARDED = {"CENTRIFUGO_PROXY_TOKEN": "made-up"}
ENVELOPE = {"CENTRIFUGO_RESPONSE_MODE": "envelope"}
POOL = {**GUARDED, "FALLBACK_TICKETS_PATH": "pool"}
POLICY = {**GUARDED, "CHANNEL_POLICY_PATH": str(ROOT / "policy.example.toml")}


@pytest.mark.parametrize("major", majors())
@pytest.mark.parametrize("variables", [GUARDED, ENVELOPE, POOL, POLICY], ids=["guarded", "envelope", "pool", "policy"])
@pytest.mark.parametrize("file_format", ["json", "yaml", "toml"])
def test_centrifugo_accepts_the_printed_configuration(
    tmp_path: Path, file_format: str, variables: dict[str, str], major: int
) -> None:
    file = tmp_path / f"config.{file_format}"
    file.write_text(printed(major, file_format, **variables))

    token = variables.get("CENTRIFUGO_PROXY_TOKEN", "")
    assert complaint(centrifugo_of(major), file, **(guard_variables(major, token) if token else {})) == ""
