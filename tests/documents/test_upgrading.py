"""Compares docs/upgrading.md with the sources."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.private_names import PrivateName, imported, nodes_of, overridden, private_names, used
from tests.harness.paths import DOCS, ROOT

CODE = re.compile(r"`([^`]+)`")


def rows() -> Iterator[tuple[str, ...]]:
    """The rows of the table of private parts, without the heading row."""
    table = (DOCS / "upgrading.md").read_text().partition("## Private parts in use")[2]
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith("| Library"):
            yield tuple(cell.strip() for cell in line.strip("|").split(" | "))


def listed() -> set[PrivateName]:
    """The private names of the table, each with its file."""
    found = set()
    for _, place, *_ in rows():
        quoted = CODE.findall(place)
        files = [name for name in quoted if "/" in name]
        found |= {PrivateName(file, name) for name in quoted if name.startswith("_") for file in files}
    return found


def test_the_page_lists_exactly_the_private_names_that_the_sources_use() -> None:
    assert listed() == private_names()


def test_every_row_on_the_page_names_a_benefit_and_an_existing_test() -> None:
    for library, _, benefit, test in rows():
        path, _, name = CODE.findall(test)[0].partition("::")
        assert library
        assert len(benefit) > 20, library
        assert (ROOT / path).is_file(), path
        assert f"def {name}" in (ROOT / path).read_text(), test


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from grpc._channel import _InactiveRpcError", ["_channel", "_InactiveRpcError"]),
        ("import grpc._cython.cygrpc", ["_cython"]),
        ("from realtime_site.variables.env import _grpc_target", []),
    ],
)
def test_imports_of_private_names_are_found(source: str, names: list[str]) -> None:
    assert list(imported(nodes_of(source))) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("channel._channel.call()", ["_channel"]),
        ("test._id = 1", ["_id"]),
        ("class A:\n    def f(self): self._own = 1; return self._own + self._theirs", ["_theirs"]),
        ("answer._replace(a=1)", []),
        ("x.__class__", []),
    ],
)
def test_private_attributes_of_foreign_objects_are_found(source: str, names: list[str]) -> None:
    assert list(used(nodes_of(source))) == names


def test_private_names_that_a_subclass_overrides_are_found() -> None:
    path = Path(ROOT / "realtime_site" / "serving" / "request.py")

    assert set(overridden(path, nodes_of(path.read_text()))) == {"_body", "_set_content_type_params"}
