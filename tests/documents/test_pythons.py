"""The sources contain no code that has another meaning in another supported version of Python."""

import ast
from collections.abc import Iterator

import pytest

from tests.documents.private_names import OTHER_FOLDERS, PACKAGES
from tests.harness.paths import ROOT


def empty_members(source: str) -> Iterator[str]:
    """`CLASS.NAME` for each enumeration member whose value is an empty tuple. Python 3.11.2 changes this value."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases):
            yield from (
                f"{node.name}.{ast.unparse(member.targets[0])}"
                for member in node.body
                if isinstance(member, ast.Assign) and ast.unparse(member.value) == "()"
            )


def test_no_member_of_an_enumeration_is_an_empty_tuple() -> None:
    files = [file for folder in (*PACKAGES, *OTHER_FOLDERS) for file in (ROOT / folder).rglob("*.py")]
    enumerations = [(file, source) for file in files if "Enum)" in (source := file.read_text())]

    assert [name for _, source in enumerations for name in empty_members(source)] == []
    assert len(enumerations) > 3


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Size(Enum):\n    SMALL = ()", ["Size.SMALL"]),
        ("class Size(enum.Enum):\n    SMALL = tuple()\n    LARGE = ()", ["Size.LARGE"]),
        ("class Size(Enum):\n    SMALL = (1,)", []),
        ("class Size:\n    SMALL = ()", []),
    ],
)
def test_an_empty_tuple_is_reported_only_in_an_enumeration(source: str, found: list[str]) -> None:
    assert list(empty_members(source)) == found
