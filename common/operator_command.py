"""The base class of the commands for operators, with output that is safe for a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from django.core.management.base import OutputWrapper

from common.documented_command import DocumentedCommand
from common.exit_codes import failure_code
from common.log_output import leave_stdout_to_results
from common.os_errors import reason
from common.printable import ascii_json, printable_lines
from common.standard_streams import discard_output


class OutputLost(Exception):
    """The output cannot be written. The message is that of the operating system."""


class PrintableOutput(OutputWrapper):
    """Django's wrapper of a stream, with control characters escaped. Raises OutputLost, and BrokenPipeError."""

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override]
        text = printable_lines(msg.replace("\n\t", "\n  "))  # system checks indent their hints with a tab
        with _naming_losses():
            super().write(text, style_func, ending)
            self.flush()


@contextmanager
def _naming_losses() -> Iterator[None]:
    """Raises OutputLost instead of the operating system's errors, other than BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(reason(error)) from None


class _Stdout(OutputWrapper):
    """Standard output for Django's own commands. Adds nothing to a text. Raises OutputLost, and BrokenPipeError."""

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:  # type: ignore[override]
        with _naming_losses():
            super().write(msg, style_func, "")


@contextmanager
def ending_without_output(argv: Sequence[str]) -> Iterator[None]:
    """End the process if the block loses its output: with a message if a disk is full, silently if a pipe is closed.

    At the end of the block, stdout is flushed. Django's own commands leave up to 8 KiB in its buffer (128 KiB since
    Python 3.14).
    """
    stdout: Any = _Stdout(sys.stdout)
    try:
        with _flushing_stdout(), redirect_stdout(stdout):
            yield
    except (OutputLost, BrokenPipeError) as error:
        discard_output()
        if isinstance(error, OutputLost):
            sys.stderr.write(f"Cannot write the output: {error}.\n")
        sys.exit(failure_code(argv))


@contextmanager
def _flushing_stdout() -> Iterator[None]:
    try:
        yield
    finally:
        with _naming_losses():
            sys.stdout.flush()


@contextmanager
def printable_stderr() -> Iterator[None]:
    """Escape control characters in the errors of argparse, which quote the arguments."""
    stderr: Any = PrintableOutput(sys.stderr)
    with redirect_stderr(stderr):
        yield


class OperatorCommand(DocumentedCommand):
    """A command whose output is safe for a terminal. The reader of the output may stop early (`| head`).

    If `is_server` is false, stdout has only the results, and log lines of all levels go to stderr.
    """

    is_server = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        streams: tuple[Any, Any] = self.stdout, self.stderr
        self.stdout, self.stderr = PrintableOutput(streams[0]), PrintableOutput(streams[1])
        self.stderr.style_func = streams[1].style_func

    def write_json(self, text: str) -> None:
        """Print a JSON text. `stdout.write` alone would escape some characters in a form that JSON does not allow."""
        self.stdout.write(ascii_json(text))

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as in Django. If the output is lost, realtime_site/command_line.py ends the process."""
        if not self.is_server:
            leave_stdout_to_results()
        with printable_stderr():
            super().run_from_argv(argv)
