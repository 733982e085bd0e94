"""Runs the command lines of `manage.py`. The overview lists this service's commands first, then Django's."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from common import early_signals, standard_streams
from common.exit_codes import failure_code
from common.version import VERSION
from realtime_site import boot, left_out

SERVERS: Final = ("runserver", "testserver")  # Django's; they do not run the lifespan, so requests would get 500
SERVE: Final = "serve"  # answers requests; uses neither models nor forms
COMPLETION: Final = "DJANGO_AUTO_COMPLETE"  # set by bash's completion, which gives no arguments


def run(arguments: Sequence[str]) -> None:
    """Run a command line; `arguments` begin with the program's name."""
    standard_streams.secure()
    given = arguments[1:]
    if list(given) in (["version"], ["--version"]):
        _show(VERSION, arguments)
        return
    if problem := _unusable(given):
        sys.exit(problem)
    if given[:1] == [SERVE]:
        left_out.leave_out()
    boot.configure(failure_code(arguments))
    from django.core.management import execute_from_command_line  # noqa: PLC0415  (after the settings are loaded)

    early_signals.restore(arguments)
    if list(given) in ([], ["help"], ["--help"], ["-h"]) and COMPLETION not in os.environ:
        _show(overview(), arguments)
    else:
        from common.operator_command import ending_without_output  # noqa: PLC0415  (imports Django)

        with ending_without_output(arguments):
            execute_from_command_line(list(arguments))


def _show(text: str, arguments: Sequence[str]) -> None:
    from common.operator_command import PrintableOutput, ending_without_output  # noqa: PLC0415  (imports Django)

    with ending_without_output(arguments):
        PrintableOutput(sys.stdout).write(text)


def _unusable(given: Sequence[str]) -> str:
    """The message for a Django command or option that does not work here; "" for other command lines."""
    if given and given[0] in SERVERS:
        return f"{given[0]} is Django's development server and cannot run this service; use manage.py serve."
    if any(word.split("=")[0] == "--settings" for word in given):
        return f"--settings is not supported: the settings are always {boot.SETTINGS}; set environment variables."
    return ""


def overview() -> str:
    """The list of commands for --help: this service's commands with summaries, then the names of Django's commands."""
    ours, others = _commands()
    width = max(map(len, ours))
    lines = [
        "Usage: manage.py COMMAND [options]; manage.py COMMAND --help explains a command.",
        "",
        "Commands of this service:",
        *(f"  {name:<{width}}  {summary}" for name, summary in sorted(ours.items())),
        "",
        "Commands of Django:",
        *_wrapped(sorted(others)),
    ]
    return "\n".join(lines) + "\n"


def _commands() -> tuple[dict[str, str], list[str]]:
    """The summaries of this service's commands by name, and the names of Django's commands."""
    from django.apps import apps  # noqa: PLC0415
    from django.core.management import get_commands, load_command_class  # noqa: PLC0415

    commands = {name: app for name, app in get_commands().items() if name not in SERVERS}
    own = {app.name for app in apps.get_app_configs()}
    ours = {name: _summary(load_command_class(app, name).help) for name, app in commands.items() if app in own}
    return ours, [name for name in commands if name not in ours]


def _summary(text: str) -> str:
    """The first sentence of a command's help, without its full stop."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _wrapped(names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), 6):
        yield "  " + ", ".join(names[start : start + 6])
