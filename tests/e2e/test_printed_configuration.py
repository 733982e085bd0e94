"""Centrifugo's own check of the output of `manage.py centrifugo_config`."""

from pathlib import Path

import pytest

from tests.e2e.stack import guard_of
from tests.harness import centrifugo
from tests.harness.paths import ROOT

GUARDED = {"CENTRIFUGO_PROXY_TOKEN": "made-up"}
ENVELOPE = {"CENTRIFUGO_RESPONSE_MODE": "envelope"}
POOL = {**GUARDED, "FALLBACK_TICKETS_PATH": "pool"}
POLICY = {**GUARDED, "CHANNEL_POLICY_PATH": str(ROOT / "policy.example.toml")}


@pytest.mark.parametrize("variables", [GUARDED, ENVELOPE, POOL, POLICY], ids=["guarded", "envelope", "pool", "policy"])
@pytest.mark.parametrize("file_format", ["json", "yaml", "toml"])
def test_centrifugo_accepts_the_printed_configuration(
    centrifugo_bin: Path, tmp_path: Path, file_format: str, variables: dict[str, str]
) -> None:
    file = tmp_path / f"config.{file_format}"
    file.write_text(centrifugo.printed(centrifugo.layout(centrifugo_bin), file_format, **variables))

    complaint = centrifugo.complaint(centrifugo_bin, file, **guard_of(centrifugo_bin, variables))

    assert complaint == ""


def test_centrifugo_refuses_a_broken_configuration(centrifugo_bin: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"client": ')

    complaint = centrifugo.complaint(centrifugo_bin, file)

    assert complaint != ""
