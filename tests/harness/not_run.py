"""Says at the end of a run how many tests were skipped, and why. A pytest plugin, loaded by tests/conftest.py."""

from collections import Counter

import pytest

from common.counted import counted


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    for reason, number in reasons.items():
        terminalreporter.write_line(f"NOT RUN: {counted(number, 'test')}. {reason}")


def _reason(report: pytest.TestReport) -> str:
    """The reason given to `pytest.skip` or to a mark. A skipped report has the place and the reason as `longrepr`."""
    return str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "no reason"
