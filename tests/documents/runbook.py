"""Reads docs/runbook.md, so that tests can compare the code with it."""

from collections.abc import Iterator
from typing import Any

from tests.harness.paths import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "object",
    list: "array",
}


def section(heading: str) -> str:
    """The text between this heading and the next one."""
    _, _, after = RUNBOOK.read_text().partition(f"\n{heading}\n")
    assert after, f"docs/runbook.md has no heading {heading!r}"
    return after.split("\n#", 1)[0]


def documented_fields(heading: str) -> dict[str, set[str]]:
    """The path and types of each field in the table under this heading. `steps[].name` is the `name` of each step."""
    rows = [line.split("|") for line in section(heading).splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): set(row[2].strip().split(" or ")) for row in rows}


def fields(value: Any, leaves: set[str], path: str = "") -> Iterator[tuple[str, str]]:
    """The path and type of each field of a parsed JSON value. Fields within the objects in `leaves` are left out."""
    if isinstance(value, dict) and path not in leaves:
        for name, inner in value.items():
            yield from fields(inner, leaves, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, leaves, f"{path}[]")
    else:
        yield path, TYPES[type(value)]


def assert_as_documented(value: Any, heading: str) -> None:
    """Asserts that the table under this heading lists exactly the fields of `value`, with their types."""
    documented = documented_fields(heading)
    leaves = {path for path in documented if not any(other.startswith(f"{path}.") for other in documented)}
    found = list(fields(value, leaves))
    assert {path for path, _ in found} == set(documented)
    assert [(path, kind) for path, kind in found if kind not in documented[path]] == []
