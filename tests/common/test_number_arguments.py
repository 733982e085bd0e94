"""Numbers in options: what the types accept, and that every command of this service uses them."""

import re
from argparse import ArgumentTypeError

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from common.number_arguments import decimal_number, whole_number
from tests.harness.paths import ROOT

ODD = ["", " 5", "5 ", "1_0", "+5", "0x10", "1e3", "٥", "nan", "inf", "1.5.2", "9" * 19]


@pytest.mark.parametrize("text", [*ODD, "1.5"])
def test_a_whole_number_has_only_digits_after_an_optional_minus_sign(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        whole_number()(text)

    assert str(refused.value) == f"{text!r} is not accepted; accepted: a whole number"


@pytest.mark.parametrize("text", [*ODD, "1.", ".5"])
def test_a_decimal_number_has_only_digits_and_at_most_one_point_between_them(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        decimal_number()(text)

    assert str(refused.value) == f"{text!r} is not accepted; accepted: a number such as 2 or 0.5"


@pytest.mark.parametrize("text", ["0", "11", "-3"])
def test_a_number_out_of_range_is_refused_and_the_range_is_named(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        whole_number(1, 10)(text)

    assert str(refused.value) == f"{text!r} is not accepted; accepted: a whole number, 1 to 10"


def test_a_decimal_number_below_its_bound_is_refused_and_the_bound_is_named() -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        decimal_number(0)("-0.5")

    assert str(refused.value) == "'-0.5' is not accepted; accepted: a number such as 2 or 0.5, 0 or more"


def test_numbers_in_range_are_accepted() -> None:
    whole, decimals = whole_number(-1, 10), decimal_number(0)

    assert [whole("-1"), whole("007"), whole("10")] == [-1, 7, 10]
    assert [decimals("0"), decimals("0.25"), decimals("600")] == [0.0, 0.25, 600.0]


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("mint_fallback_tickets", "--count"),
        ("pods", "--interval"),
        ("bridge_lag", "--warn"),
        ("bridge_lag", "--critical"),
        ("replay_dead_letters", "--partition"),
        ("replay_dead_letters", "--offset"),
        ("check_routes", "--timestamp"),
        ("centrifugo_config", "--major"),
    ],
)
@pytest.mark.parametrize("given", ["1_0", "٥", "nan"])
def test_a_command_refuses_an_invalid_number_before_it_does_anything(command: str, option: str, given: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: '{given}' is not accepted; accepted: a"):
        call_command(command, f"{option}={given}")


def test_no_command_reads_a_number_with_int_or_float() -> None:
    sources = [path for path in ROOT.glob("*/management/**/*.py") if "add_argument(" in path.read_text()]

    loose = [str(path.relative_to(ROOT)) for path in sources if re.search(r"type=(int|float)\b", path.read_text())]

    assert sources
    assert loose == []
