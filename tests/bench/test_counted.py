"""Reading the number of instructions from valgrind's output."""

import pytest

from bench.parts.counted import count_in
from bench.parts.processes import BenchError


def test_the_count_is_found_in_the_output() -> None:
    assert count_in("manage.py serve", "==7== Events    : Ir\n==7== Collected : 123456\n") == 123456


def test_the_error_for_output_without_a_count_shows_the_end_of_the_output() -> None:
    with pytest.raises(BenchError) as refused:
        count_in("manage.py serve", "==7== Killed\n")

    assert str(refused.value) == "manage.py serve was not counted. The end of its output:\n==7== Killed\n"
