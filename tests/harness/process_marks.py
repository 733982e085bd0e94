"""Fails a test that starts a process and lacks the mark `processes`. `make check` leaves marked tests out.

A pytest plugin, loaded by tests/conftest.py.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.harness.paths import ROOT

# Audit events. A process that multiprocessing spawns causes none.
STARTS: Final = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"})
MARK: Final = "processes"
WITHOUT: Final = f"not {MARK}"
ALL_START: Final = re.compile(rf"^pytestmark = .*pytest\.mark\.{MARK}\b", re.MULTILINE)
END_TO_END: Final = ROOT / "tests" / "e2e"


class _Watch:
    """Records the processes a test starts. An audit hook cannot be removed, so it stays for the session."""

    def __init__(self) -> None:
        self.running = False
        self.started: list[str] = []

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.running and event in STARTS:
            self.started.append(str(arguments[0]) if arguments else event)


_watch = _Watch()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: starts a process; left out of make check")
    sys.addaudithook(_watch.hook)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the modules whose tests are all left out, so that each worker of `make check` starts sooner."""
    return True if config.getoption("markexpr") == WITHOUT and is_left_out(collection_path) else None


def is_left_out(path: Path) -> bool:
    """True for tests/e2e, and for a module that marks all its tests in one line."""
    return path == END_TO_END or (path.suffix == ".py" and ALL_START.search(path.read_text()) is not None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests in tests/e2e, which all start processes."""
    for item in items:
        if _is_end_to_end(item.path):
            item.add_marker(MARK)


@cache
def _is_end_to_end(path: Path) -> bool:
    return path.is_relative_to(END_TO_END)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Watch the fixtures of a test."""
    yield from _watched(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Watch the test itself."""
    yield from _watched(item)


def _watched(item: pytest.Item) -> Iterator[None]:
    """Fail a test without the mark if it starts a process."""
    _watch.started, _watch.running = [], item.get_closest_marker(MARK) is None
    try:
        yield
    finally:
        _watch.running = False
    assert not _watch.started, f"starts {_watch.started[0]}: mark the test with @pytest.mark.{MARK}"
