"""manage.py check_centrifugo_config"""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from centrifugo_proxy.centrifugo.findings import Finding, Severity
from centrifugo_proxy.centrifugo.linter import Report, lint_file
from centrifugo_proxy.guard import SecretError
from centrifugo_proxy.management.expected import expected_of

WARNING, CRITICAL = 1, 2


class Command(BaseCommand):
    help = (
        "Check a Centrifugo configuration against this service's settings: run it with the environment of the service. "
        "Each finding says where in the file, what happens to a user because of it, and what to do; docs/centrifugo.md "
        "has more on each id. Reads JSON, YAML and TOML, the layouts of v6 and v5. What Centrifugo gets from its own "
        "environment or flags is not seen. Exits 0 without findings, 1 with warnings, 2 with errors or when the file "
        "cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="Centrifugo's configuration file")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *args: Any, file: Path, as_json: bool, **options: Any) -> None:
        try:
            expected = expected_of(settings)
        except SecretError as error:
            raise CommandError(str(error), returncode=CRITICAL) from None
        report = lint_file(file, expected)
        self.stdout.write(json.dumps(as_object(file, report), indent=2) if as_json else as_text(file, report))
        if code := exit_code(report):
            raise SystemExit(code)


def exit_code(report: Report) -> int:
    """As monitoring plugins have it: 0 fine, 1 warnings, 2 errors."""
    if report.count(Severity.ERROR):
        return CRITICAL
    return WARNING if report.findings else 0


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
