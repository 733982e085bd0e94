"""Every test asserts something, so that it can fail."""

from pathlib import Path

import pytest

from tests.documents.assertions import without_assertion
from tests.harness.paths import ROOT

ASSERTING = [
    "assert answer() == 1",
    "with pytest.raises(ValueError):\n        answer()",
    "assert_answer(1)",
    "await service.expect_answer(1)",
]
SILENT = ["answer()", "check(answer())", "raises = answer()", 'print("assert answer() == 1")']


def test_every_test_asserts_something() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))

    assert [name for file in files for name in without_assertion(file)] == []
    assert len(files) > 100


@pytest.mark.parametrize("statement", ASSERTING)
def test_a_test_that_asserts_is_not_reported(tmp_path: Path, statement: str) -> None:
    assert list(without_assertion(a_test(tmp_path, statement))) == []


@pytest.mark.parametrize("statement", SILENT)
def test_a_test_that_asserts_nothing_is_reported(tmp_path: Path, statement: str) -> None:
    assert list(without_assertion(a_test(tmp_path, statement))) == ["test_made_up.py::test_it"]


def a_test(folder: Path, statement: str) -> Path:
    """A file with one test. The test consists of this statement."""
    file = folder / "test_made_up.py"
    file.write_text(f"async def test_it() -> None:\n    {statement}\n")
    return file
