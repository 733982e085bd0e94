"""The tools of `make deploy-tools`: kustomize, our checker of manifests, actionlint, and a schema.

Tests that need a missing tool are skipped, and the summary of the run names the reason. In CI they are skipped only if
the machine cannot build the tool; otherwise they fail. A pytest plugin, loaded by tests/conftest.py.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.harness import go_builds
from tests.harness.paths import ROOT

TOOLS: Final = ROOT / ".cache" / "deploy"
BUILD_LOG: Final = ROOT / ".cache" / "deploy.log"

Tool = Callable[[str], Path]


@pytest.fixture(scope="session")
def deploy_tool() -> Tool:
    """The path of a tool by its name; skips or fails the test (`missing`) if the tool is not built."""

    def find(name: str) -> Path:
        path = TOOLS / name
        if path.exists():
            return path
        pytest.skip(missing(name))

    return find


def missing(name: str) -> str:
    """The reason why the tool is not built. Fails the test in CI if the repository may be at fault."""
    log = BUILD_LOG.read_text() if BUILD_LOG.exists() else ""
    if why := go_builds.excuse(log, name, "tools/manifests/go.mod"):
        return why
    if os.environ.get("CI") == "true":
        pytest.fail(f"There is no {TOOLS / name}. In CI it must not be missing.\n{log}", pytrace=False)
    return f"There is no {name}: `make deploy-tools` builds it with Go."


def run(command: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a tool in the root of the repository, with `given` on its standard input."""
    return subprocess.run(  # noqa: S603
        [command, *arguments], cwd=ROOT, input=given, capture_output=True, text=True, timeout=60, check=False
    )
