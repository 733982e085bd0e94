"""manage.py check_centrifugo_config"""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.server_config.findings import Finding, Severity
from centrifugo_proxy.server_config.linter import Report, lint_file
from centrifugo_proxy.wiring.centrifugo_facts import service_facts
from centrifugo_proxy.wiring.policy import PolicyError
from common.exit_codes import PluginState
from common.operator_command import OperatorCommand
from common.secret_files import SecretError


class Command(OperatorCommand):
    help = (
        "Check a Centrifugo configuration against this service's settings: run it with the environment of the\n"
        "service. Each finding says where in the file, what happens to a user because of it, and what to do.\n"
        "Reads JSON, YAML and TOML in the layouts of Centrifugo v6 and v5; what Centrifugo gets from its own\n"
        "environment or flags is not seen."
    )
    epilog = """\
exit codes (as of a monitoring plugin):
  0  no findings
  1  warnings only
  2  errors, or the file cannot be read or parsed (the finding says the line)
     (a mistyped option ends with 2 as well, and with the usage)
  3  unknown: the service's own secrets, policy or environment are refused, so that there is nothing to check
     the file against; the message says why

examples:
  manage.py check_centrifugo_config config.json
  manage.py check_centrifugo_config --json config.yaml | jq .findings

docs/centrifugo.md explains each finding by its id."""

    requires_system_checks = []  # an error of theirs would end with 1, which here means warnings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="Centrifugo's configuration file")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="one JSON object, its fields as in docs/centrifugo.md"
        )

    def handle(self, *args: Any, file: Path, as_json: bool, **options: Any) -> None:
        try:
            expected = service_facts(settings)
        except (SecretError, PolicyError) as error:
            raise CommandError(str(error), returncode=PluginState.UNKNOWN) from None
        report = lint_file(file, expected)
        self.stdout.write(json.dumps(as_object(file, report), indent=2) if as_json else as_text(file, report))
        if code := exit_code(report):
            raise SystemExit(code)


def exit_code(report: Report) -> int:
    """As monitoring plugins have it: 0 fine, 1 warnings, 2 errors."""
    if report.count(Severity.ERROR):
        return PluginState.CRITICAL
    return PluginState.WARNING if report.findings else 0


def as_object(file: Path, report: Report) -> dict[str, Any]:
    """For programs; the keys stay."""
    return {
        "file": str(file),
        "major": report.major,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "findings": [finding._asdict() for finding in report.findings],
    }


def as_text(file: Path, report: Report) -> str:
    """For people."""
    layout = f" (Centrifugo v{report.major} layout)" if report.major else ""
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    summary = f"{file}{layout}: {errors} errors, {warnings} warnings."
    return "\n".join([*map(paragraph, report.findings), summary])


def paragraph(finding: Finding) -> str:
    place = f" at {finding.path}" if finding.path else ""
    return f"{finding.severity.upper()} {finding.id}{place}\n  {finding.effect}\n  Remedy: {finding.remedy}\n"
