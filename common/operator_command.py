"""What the operators' commands share: a --help that keeps its lines, without Django's own options in the way."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter

UNKNOWN = """

A check_… command ends with 3 (unknown) when the environment is refused: it could look at nothing."""


class Formatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Exit codes and examples stay as they are laid out."""


class OperatorCommand(BaseCommand):
    """`help` is the first thing shown, `epilog` (exit codes, example) the last."""

    epilog = ""
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
        "--skip-checks",
    }

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = self.epilog + UNKNOWN if subcommand.startswith("check_") else self.epilog
        return super().create_parser(prog_name, subcommand, formatter_class=Formatter, epilog=epilog, **kwargs)
