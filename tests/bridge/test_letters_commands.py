"""The options of the commands about dead letters, without Kafka."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", "9" * 10])
@pytest.mark.parametrize(
    ("command", "option"),
    [("inspect_dead_letters", "--limit"), ("replay_dead_letters", "--limit"), ("replay_dead_letters", "--rate")],
)
def test_only_a_whole_number_in_range_is_accepted(command: str, option: str, given: str) -> None:
    with pytest.raises(CommandError, match=f"argument {option}: '{given}' is not accepted; accepted: a whole number"):
        call_command(command, f"{option}={given}")


def test_a_replay_without_a_selection_ends_like_a_mistyped_option() -> None:
    with pytest.raises(CommandError, match=r"^Select dead letters with --all, --reason R or --topic T\.$") as refused:
        call_command("replay_dead_letters", "--offset", "7")

    assert refused.value.returncode == 2
