"""Displays the progress of long work: a bar on a terminal, otherwise a line at most every ten seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from common.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S: Final = 10.0


class Output(Protocol):
    """Django's wrapper of a stream."""

    def write(self, msg: str) -> None: ...
    def isatty(self) -> bool: ...


class Display(Protocol):
    """The display of the progress."""

    def at(self, done: float) -> None:
        """Display that `done` units of the total are complete."""

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""


@contextmanager
def progress(stdout: Output, *, total: float, unit: str) -> Iterator[Display]:
    """Show the progress of work with `total` units on a command's stdout. After the block, the bar disappears."""
    if not stdout.isatty():
        yield Lines(stdout, total, unit, time.monotonic)
        return
    with _bar(unit) as drawn:
        yield _Bar(drawn, drawn.add_task("", total=total))


class Lines:
    """Prints the progress at most once in ten seconds, and not at all for short work."""

    def __init__(self, output: Output, total: float, unit: str, monotonic: Callable[[], float]) -> None:
        self._output, self._of, self._monotonic = output, f"{total:,.0f} {unit}", monotonic
        self._due = monotonic() + LINE_EVERY_S

    def at(self, done: float) -> None:
        if self._monotonic() >= self._due:
            self._due = self._monotonic() + LINE_EVERY_S
            self._output.write(f"{done:,.0f} of {self._of}")

    def say(self, line: str) -> None:
        self._output.write(line)


class _Bar:
    """rich's bar."""

    def __init__(self, drawn: "Progress", task: "TaskID") -> None:
        self._drawn, self._task = drawn, task

    def at(self, done: float) -> None:
        self._drawn.update(self._task, completed=done)

    def say(self, line: str) -> None:
        self._drawn.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _bar(unit: str) -> "Progress":
    from rich.progress import (  # noqa: PLC0415  (only for a terminal)
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    counts = TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {unit}")
    columns = (BarColumn(), TaskProgressColumn(), counts, TimeRemainingColumn())
    return Progress(*columns, transient=True)
