"""manage.py check_centrifugo_config"""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.server_config.findings import Finding, Severity
from centrifugo_proxy.server_config.generate import MAJORS
from centrifugo_proxy.server_config.linter import Report, lint_file, lint_variables
from centrifugo_proxy.wiring.centrifugo_facts import service_facts
from centrifugo_proxy.wiring.policy import PolicyError
from common.counted import counted
from common.exit_codes import PluginState
from common.number_arguments import whole_number
from common.operator_command import OperatorCommand
from common.printable import printable
from common.secret_files import SecretError

USAGE = 2  # the code that argparse uses


class Command(OperatorCommand):
    help = (
        "Check a Centrifugo configuration against this service's settings. Run this command with the environment of\n"
        "the service. Each finding says where the problem is, what it does to a user, and how to correct it.\n"
        "FILE is the configuration file of Centrifugo v6 or v5 (JSON, YAML or TOML), or a file that contains the\n"
        "configuration: Helm values, a Compose file, a Kubernetes manifest, or lines of NAME=value."
    )
    epilog = """\
exit codes (those of monitoring plugins):
  0  no findings
  1  warnings only
  2  errors; also if the file cannot be read or parsed
     (a mistyped option also exits with 2, and prints the usage)
  3  unknown: the service's own secrets, policy or environment are invalid, or the output cannot be written
     (the message says why)

examples:
  manage.py check_centrifugo_config config.json
  manage.py check_centrifugo_config values.yaml
  manage.py check_centrifugo_config --json config.yaml | jq .findings
  manage.py check_centrifugo_config --env config.json

docs/centrifugo.md explains each finding by its id."""

    requires_system_checks = []  # a failed system check would exit with 1, which means warnings here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", type=Path, nargs="?", help="the file to check; not needed with --env"
        )
        parser.add_argument(
            "--env",
            dest="with_environment",
            action="store_true",
            help="also apply the CENTRIFUGO_… variables of this process, as Centrifugo does",
        )
        parser.add_argument(
            "--major",
            type=whole_number(),
            choices=MAJORS,
            help="Centrifugo's major version (default: the version to which most options belong)",
        )
        parser.add_argument(
            "--json",
            dest="as_json",
            action="store_true",
            help="print one JSON object (docs/centrifugo.md lists its fields)",
        )

    def handle(
        self,
        *args: Any,
        file: Path | None,
        with_environment: bool,
        major: int | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        if file is None and not with_environment:
            raise CommandError(
                "Give a FILE to check, or pass --env to check the environment variables.", returncode=USAGE
            )
        try:
            expected = service_facts(settings)
        except (SecretError, PolicyError) as error:
            raise CommandError(str(error), returncode=PluginState.UNKNOWN) from None
        variables = dict(os.environ) if with_environment else {}
        report = lint_file(file, expected, major, variables) if file else lint_variables(variables, expected, major)
        place = file or Path("environment")
        if as_json:
            self.write_json(json.dumps(as_object(place, report), indent=2))
        else:
            self.stdout.write(as_text(place, report))
        if code := exit_code(report):
            raise SystemExit(code)


def exit_code(report: Report) -> int:
    """The exit code, as for monitoring plugins: 0 without findings, 1 with warnings only, 2 with errors."""
    if report.count(Severity.ERROR):
        return PluginState.CRITICAL
    return PluginState.WARNING if report.findings else 0


def as_object(file: Path, report: Report) -> dict[str, Any]:
    """The object of --json, whose fields docs/centrifugo.md lists."""
    return {
        "file": str(file),
        "major": report.major,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "findings": [finding._asdict() for finding in report.findings],
    }


def as_text(file: Path, report: Report) -> str:
    """The report for a terminal."""
    layout = f" (Centrifugo v{report.major} layout)" if report.major else ""
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    summary = f"{printable(file)}{layout}: {counted(errors, 'error')}, {counted(warnings, 'warning')}."
    return "\n".join([*map(paragraph, report.findings), summary])


def paragraph(finding: Finding) -> str:
    """A finding for a terminal: its id and place, the effect, and the remedy."""
    place, effect, remedy = map(printable, finding[2:])
    where = f" at {place}" if place else ""
    return f"{finding.severity.upper()} {finding.id}{where}\n  {effect}\n  Remedy: {remedy}\n"
