"""The printed configurations, held against a real Centrifugo of the major version it happens to be."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from centrifugo_proxy.centrifugo.document import FORMATS, render
from centrifugo_proxy.centrifugo.expected import EVENTS, Expected
from centrifugo_proxy.centrifugo.generate import generate
from centrifugo_proxy.codes import ResponseMode
from tests.centrifugo_proxy.centrifugo.sound import ALL_EVENTS, CONNECT_ONLY
from tests.harness.centrifugo import binary, complaint, guard_variables, layout
from tests.harness.processes import free_port

EVENT_SETS = [("connect",), ("connect", "refresh"), EVENTS]
READY = b"serving websocket"
# what the comments of the configuration tell to set
VARIABLES = guard_variables(5, "right-token") | guard_variables(6, "right-token")


@pytest.fixture(scope="module")
def centrifugo() -> Path:
    found = binary()
    if found is None:
        pytest.skip("no Centrifugo: neither CENTRIFUGO_BIN nor `make centrifugo` gives one")
    return found


def printed(folder: Path, expected: Expected, major: int, file_format: str, *, with_secrets: bool) -> Path:
    file = folder / f"config.{file_format}"
    file.write_text(render(generate(expected, major, file_format, with_secrets=with_secrets), file_format))
    return file


@pytest.mark.parametrize("events", EVENT_SETS, ids=" ".join)
@pytest.mark.parametrize("mode", ResponseMode)
@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_accepts_it(
    centrifugo: Path, tmp_path: Path, file_format: str, mode: ResponseMode, events: tuple[str, ...]
) -> None:
    guarded = replace(ALL_EVENTS, mode=mode, events=events, namespaces=("", "family", "news"))

    complaints = [
        complaint(centrifugo, printed(tmp_path, expected, layout(centrifugo), file_format, with_secrets=True))
        for expected in (guarded, replace(guarded, tokens=(), deadline_ms=60_000))
    ]

    assert complaints == ["", ""]


@pytest.mark.parametrize("tokens", [(), (b"right-token",)], ids=["unguarded", "guarded"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_starts_with_it(
    centrifugo: Path, tmp_path: Path, file_format: str, tokens: tuple[bytes, ...]
) -> None:
    expected = replace(ALL_EVENTS, tokens=tokens)

    file = printed(tmp_path, expected, layout(centrifugo), file_format, with_secrets=True)

    assert READY in started(centrifugo, file)


@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_starts_with_the_token_from_its_environment(
    centrifugo: Path, tmp_path: Path, file_format: str
) -> None:
    file = printed(tmp_path, ALL_EVENTS, layout(centrifugo), file_format, with_secrets=False)

    assert READY in started(centrifugo, file)


def started(centrifugo: Path, file: Path) -> bytes:
    """What it logs until it serves or ends."""
    command = [centrifugo, "-c", file, "-a", "127.0.0.1", "-p", str(free_port())]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    logged = b""
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], **VARIABLES}, **pipes) as running:  # noqa: S603
        assert running.stdout is not None
        for line in running.stdout:
            logged += line
            if READY in line:
                break
        running.kill()
    return logged


def test_v5_refuses_what_the_linter_says_it_refuses(centrifugo: Path, tmp_path: Path) -> None:
    if layout(centrifugo) != 5:
        pytest.skip("about Centrifugo v5")
    file = tmp_path / "config.yaml"
    file.write_text(render(generate(CONNECT_ONLY, 5, "json"), "yaml"))

    assert b"error marshalling config" in started(centrifugo, file)


@pytest.mark.parametrize(("longer", "shorter"), [("1s", "no duration"), ("no duration", "1s")])
def test_v6_takes_dotted_keys_and_the_longer_one_first(
    centrifugo: Path, tmp_path: Path, longer: str, shorter: str
) -> None:
    if layout(centrifugo) != 6:
        pytest.skip("about Centrifugo v6")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"client.stale_close_delay": longer, "client": {"stale_close_delay": shorter}}))

    assert ("invalid duration" in complaint(centrifugo, file)) is (longer == "no duration")


def test_v6_refuses_a_reference_that_its_environment_does_not_fill(centrifugo: Path, tmp_path: Path) -> None:
    if layout(centrifugo) != 6:
        pytest.skip("about Centrifugo v6")
    file = printed(tmp_path, CONNECT_ONLY, 6, "yaml", with_secrets=False)

    assert 'variable "CENTRIFUGO_VAR_PROXY_TOKEN" not found' in complaint(centrifugo, file)
