"""Mermaid parses the diagrams of the pages here, as it does on GitHub."""

import json
import re
import subprocess
from typing import Final

import pytest

from tests.documents.pages import PAGES
from tests.harness.node import PACKAGES, needs_node
from tests.harness.paths import ROOT

FENCED: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = [needs_node, pytest.mark.processes]


def problems(diagrams: list[str]) -> list[str]:
    """Mermaid's error for each diagram; "" if Mermaid can parse it."""
    command = ["node", str(ROOT / "tools" / "js" / "parse_diagrams.mjs")]
    ended = subprocess.run(  # noqa: S603
        command, cwd=PACKAGES, input=json.dumps(diagrams), capture_output=True, text=True, timeout=60, check=True
    )
    errors: list[str] = json.loads(ended.stdout)
    return errors


def test_mermaid_can_parse_every_diagram() -> None:
    diagrams = {f"{page.name}: {text}": text for page in PAGES for text in FENCED.findall(page.read_text())}

    found = dict(zip(diagrams, problems(list(diagrams.values())), strict=True))

    assert {name: problem for name, problem in found.items() if problem} == {}


def test_a_broken_diagram_is_reported() -> None:
    valid, broken = problems(["stateDiagram-v2\n  [*] --> Well\n", "sequenceDiagram\n  A->>B without a colon\n"])

    assert (valid, broken.splitlines()[0]) == ("", "Parse error on line 2:")


def test_the_readme_has_a_sequence_diagram_and_a_state_diagram() -> None:
    kinds = [text.split()[0] for text in FENCED.findall((ROOT / "README.md").read_text())]

    assert kinds == ["sequenceDiagram", "stateDiagram-v2"]
