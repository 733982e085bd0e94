"""Progress of long work: on a terminal, and in a pipe."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import OutputWrapper

from common.progress import LINE_EVERY_S, Lines
from tests.harness.fakes import FakeClock
from tests.harness.manage import run_manage
from tests.harness.terminal import on_terminal, plain

BAR = "━"


def test_a_pipe_gets_at_most_one_plain_line_in_ten_seconds(clock: FakeClock) -> None:
    output = StringIO()
    lines = Lines(OutputWrapper(output), 5000, "tickets", clock.monotonic)

    for done in range(0, 3500, 500):
        lines.at(done)
        clock.advance(LINE_EVERY_S / 2.5)

    assert output.getvalue() == "1,500 of 5,000 tickets\n3,000 of 5,000 tickets\n"


@pytest.mark.processes
def test_minting_shows_a_bar_on_a_terminal_and_no_ticket(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"

    code, shown = on_terminal("mint_fallback_tickets", "--count", "100000", "--output", str(path))

    tickets = set(path.read_text().split())
    assert (code, len(tickets)) == (0, 100_000)
    assert BAR in shown
    assert re.search(r"\d0,000 of 100,000 tickets", shown)
    assert f"Wrote 100000 tickets to {path}" in plain(shown).splitlines()[-5]
    assert tickets.isdisjoint(re.findall(r"[\w-]{43}", shown))


@pytest.mark.processes
def test_minting_into_a_pipe_prints_plain_lines(tmp_path: Path) -> None:
    ended = run_manage("mint_fallback_tickets", "--count", "20000", "--output", str(tmp_path / "new.tickets"))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0].startswith("Wrote 20000 tickets")
    assert ended.stdout.replace("\n", "").isprintable()


@pytest.mark.processes
def test_an_outage_in_real_time_shows_a_progress_bar_on_a_terminal() -> None:
    code, shown = on_terminal("simulate_outage", "--realtime", FALLBACK_DEGRADED_WINDOW_MS="600")

    percents = [int(each) for each in re.findall(r"(\d+)%", plain(shown))]
    steps = re.findall(
        r"^ok +\d+\.\d{3} s  identity (?:up|down) +(\S.*)$", plain(shown).replace("\r", "\n"), re.MULTILINE
    )
    assert code == 0
    assert BAR in shown
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    assert (len(steps), steps[0], steps[-1]) == (
        10, "healthy: a good ticket", "identity fails anew: a pool ticket",
    )  # fmt: skip
    assert plain(shown).rstrip().endswith("Every step as expected.")


@pytest.mark.processes
def test_an_outage_in_real_time_prints_plain_lines_into_a_pipe() -> None:
    ended = run_manage("simulate_outage", "--realtime", FALLBACK_DEGRADED_WINDOW_MS="600")

    assert ended.returncode == 0
    assert BAR not in ended.stdout
    assert ended.stdout.replace("\n", "").isprintable()
    assert ended.stdout.endswith("Every step as expected.\n")
