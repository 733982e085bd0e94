from pathlib import Path

import pytest

from tests.harness.process_marks import END_TO_END, is_left_out


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pytestmark = pytest.mark.processes\n", True),
        ('pytestmark = [pytest.mark.xdist_group("one"), pytest.mark.processes]\n', True),
        ("pytestmark = pytest.mark.kafka\n", False),
        ("@pytest.mark.processes\ndef test_it() -> None: ...\n", False),
    ],
)
def test_a_module_is_left_out_if_it_marks_its_tests_in_one_line(tmp_path: Path, source: str, expected: bool) -> None:
    module = tmp_path / "test_it.py"
    module.write_text(f"import pytest\n\n{source}")

    assert is_left_out(module) is expected


def test_the_end_to_end_tests_are_left_out_and_a_folder_with_other_tests_is_not() -> None:
    assert is_left_out(END_TO_END)
    assert not is_left_out(END_TO_END.parent)
