"""The base class of all commands of this project. --help wraps its text, has examples, and hides Django's options."""

import re
import shutil
import textwrap
from argparse import RawDescriptionHelpFormatter
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter

from common.version import VERSION

LIST_MARK: Final = re.compile(r"\s*(\d\s+)?")  # the indentation of a list item, and its exit code if it has one
UNKNOWN: Final = """
If the environment is invalid, nothing is checked, and a check_… command exits with 3 (unknown)."""


class Formatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the layout of exit codes and examples."""


class DocumentedCommand(BaseCommand):
    """A command of this project. --help shows `help` after the usage, and ends with `epilog` (exit codes, examples).

    In a check_… command, UNKNOWN follows `epilog`.
    """

    epilog = ""
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
    }

    def get_version(self) -> str:
        """The version of the service. BaseCommand would return the version of Django."""
        return VERSION

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, formatter_class=Formatter, **kwargs)
        parser.description = filled(self.help)
        parser.epilog = filled(self.epilog + UNKNOWN if subcommand.startswith("check_") else self.epilog)
        return parser


def filled(text: str) -> str:
    """The text, wrapped at the width of the terminal. Commands and list items keep their own lines."""
    width = shutil.get_terminal_size().columns - 2  # as argparse does
    return "\n\n".join(_filled(each, width) for each in text.strip("\n").split("\n\n"))


def _filled(paragraph: str, width: int) -> str:
    if "\n  " not in paragraph:
        return textwrap.fill(paragraph, width)
    return "\n".join(line if "manage.py" in line else _item(line, width) for line in paragraph.splitlines())


def _item(line: str, width: int) -> str:
    """A wrapped list item. Its continuation lines are indented like its text."""
    text = LIST_MARK.match(line)
    return textwrap.fill(line, width, subsequent_indent=" " * (text.end() if text else 0))
