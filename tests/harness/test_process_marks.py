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
def test_make_check_leaves_out_a_module_whose_pytestmark_is_on_one_line_and_contains_processes(
    tmp_path: Path, source: str, expected: bool
) -> None:
    module = tmp_path / "test_it.py"
    module.write_text(f"import pytest\n\n{source}")

    assert is_left_out(module) is expected


def test_make_check_leaves_out_the_end_to_end_tests_but_no_folder_with_other_tests() -> None:
    assert is_left_out(END_TO_END)
    assert not is_left_out(END_TO_END.parent)
