"""Shows a fleet: a table on a terminal, plain lines in a pipe, or JSON."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from centrifugo_proxy.fleet.report import Fleet, as_json, verdict
from centrifugo_proxy.fleet.table import HEAD, errors, plain, rows
from common.exit_codes import PluginState

if TYPE_CHECKING:
    from rich.console import RenderableType

Show = Callable[[Fleet], None]
COLOURS = {
    PluginState.OK: "green",
    PluginState.WARNING: "yellow",
    PluginState.CRITICAL: "red",
    PluginState.UNKNOWN: "magenta",
}


class Output(Protocol):
    """Django's wrapper of a stream."""

    def write(self, msg: str) -> None: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


@contextmanager
def display(output: Output, *, in_place: bool, json: bool) -> Iterator[Show]:
    """The function that shows a round. With `in_place`, a table on a terminal replaces the previous one."""
    if json:
        yield _printer(output, dumped)
    elif not output.isatty():
        yield _printer(output, lambda fleet: "\n".join(lines(fleet)))
    elif in_place:
        with _redrawn() as show:
            yield show
    else:
        yield _print_table


def dumped(fleet: Fleet) -> str:
    """The object of --json, on one line."""
    return json.dumps(as_json(fleet))


def lines(fleet: Fleet) -> Iterator[str]:
    """The verdict, the table, and the reason for each pod that answered only in part or not at all."""
    yield verdict(fleet)
    yield from plain([HEAD, *rows(fleet)])
    yield from errors(fleet)


def _printer(output: Output, text: Callable[[Fleet], str]) -> Show:
    def show(fleet: Fleet) -> None:
        output.write(text(fleet))
        output.flush()

    return show


def _print_table(fleet: Fleet) -> None:
    from rich.console import Console  # noqa: PLC0415  (only for a terminal)

    Console().print(_table(fleet))


@contextmanager
def _redrawn() -> Iterator[Show]:
    """Overwrite the lines of the previous round in a single write, to avoid flicker."""
    from rich.live import Live  # noqa: PLC0415  (only for a terminal)

    with Live(auto_refresh=False) as live:
        yield lambda fleet: live.update(_table(fleet), refresh=True)


def _table(fleet: Fleet) -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415  (only for a terminal)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*HEAD)
    for row in rows(fleet):
        table.add_row(*map(Text, row))
    return Group(Text(verdict(fleet), style=COLOURS[fleet.state]), table, *map(Text, errors(fleet)))
