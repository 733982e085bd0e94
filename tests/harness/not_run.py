"""Names the groups of tests that were skipped because a program is missing, at the end of a run.

The reasons stay in the process that skips, so a run with workers of pytest-xdist does not name them. A pytest plugin,
loaded by tests/conftest.py.
"""

import pytest

REASONS = pytest.StashKey[dict[str, str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for tests, why in config.stash.get(REASONS, {}).items():
        terminalreporter.write_line(f"NOT RUN: {tests}. {why}")


def report_skip(config: pytest.Config, tests: str, why: str) -> None:
    """Name `tests` and the reason at the end of the run, if it has no workers."""
    config.stash.setdefault(REASONS, {})[tests] = why
