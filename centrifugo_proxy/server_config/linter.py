"""Checks a Centrifugo configuration against the facts of this service."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from centrifugo_proxy.server_config.findings import (
    Finding,
    Register,
    Severity,
    findings,
    located,
    too_deep,
    unparsable,
    unreadable,
)
from centrifugo_proxy.server_config.parsing import UnparsableError
from centrifugo_proxy.server_config.reader import read_source
from centrifugo_proxy.server_config.rules import access as rules_access
from centrifugo_proxy.server_config.rules import channels as rules_channels
from centrifugo_proxy.server_config.rules import data as rules_data
from centrifugo_proxy.server_config.rules import exposure as rules_exposure
from centrifugo_proxy.server_config.rules import guard as rules_guard
from centrifugo_proxy.server_config.rules import headers as rules_headers
from centrifugo_proxy.server_config.rules import layout as rules_layout
from centrifugo_proxy.server_config.rules import limits as rules_limits
from centrifugo_proxy.server_config.rules import proxy as rules_proxy
from centrifugo_proxy.server_config.rules import references as rules_references
from centrifugo_proxy.server_config.rules import rights as rules_rights
from centrifugo_proxy.server_config.rules import stale as rules_stale
from centrifugo_proxy.server_config.rules import start as rules_start
from centrifugo_proxy.server_config.rules import transforms as rules_transforms
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from centrifugo_proxy.server_config.sources import sources_in
from centrifugo_proxy.server_config.sources.source import Source
from common.files import TEXT_BYTES, read_file
from common.os_errors import reason

NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})

REGISTERS: Final = (
    rules_layout.RULES,
    rules_start.RULES,
    rules_proxy.RULES,
    rules_stale.RULES,
    rules_guard.RULES,
    rules_transforms.RULES,
    rules_access.RULES,
    rules_rights.RULES,
    rules_channels.RULES,
    rules_data.RULES,
    rules_exposure.RULES,
    rules_headers.RULES,
    rules_references.RULES,
    rules_limits.RULES,
)
# Findings about a missing option that may be set elsewhere, such as in a Secret.
MAY_BE_ELSEWHERE: Final = frozenset({"guard-header-missing", "api-without-key", "origins-empty"})
# If only variables and flags are known, the options of these findings may be in an unknown configuration file.
MAY_BE_IN_THE_FILE: Final = MAY_BE_ELSEWHERE | {
    "connect-proxy-missing",
    "event-proxy-missing",
    "refresh-proxy-missing",
    "policy-namespace-missing",
    "transform-401-missing",
    "timeout-not-above-deadline",
    "stale-close-delay",
    "stale-close-delay-short",
    "connection-meta-off",
    "start-refused",
}
RULES: Final = Register(each for register in REGISTERS for each in register.items())


class Report(NamedTuple):
    """`major` is the version for which the first readable configuration was checked. None if none is readable."""

    major: int | None
    findings: list[Finding]

    def count(self, severity: Severity) -> int:
        """The number of findings with this severity."""
        return sum(finding.severity is severity for finding in self.findings)


def lint_file(
    path: Path, facts: ServiceFacts, major: int | None = None, variables: Mapping[str, str] = NO_VARIABLES
) -> Report:
    """The report on a file and Centrifugo's environment variables. An unreadable file is a finding too."""
    try:
        text = read_file(path, TEXT_BYTES).decode()
    except OSError as error:
        return Report(None, [unreadable(reason(error))])
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Report(None, [unparsable("not UTF-8", f"line {line}")])
    return lint(text, path.name, facts, major, variables)


def lint_variables(variables: Mapping[str, str], facts: ServiceFacts, major: int | None = None) -> Report:
    """The report on a Centrifugo that is configured only by environment variables."""
    return lint_sources([Source("", variables=variables)], facts, major)


def lint(
    text: str, name: str, facts: ServiceFacts, major: int | None = None, variables: Mapping[str, str] = NO_VARIABLES
) -> Report:
    """The report on a file's text: a configuration, or a file that contains one (see `sources`).

    The name's suffix decides the format if the suffix is known. If `major` is None, the layout decides the version. If
    the file sets no option, the variables and flags decide the version.
    """
    found = sources_in(text, name)
    if not found:
        return Report(None, [unreadable("the file contains no Centrifugo configuration")])
    with_variables = [replace(source, variables={**source.variables, **variables}) for source in found]
    return lint_sources(with_variables, facts, major)


def lint_sources(sources: Sequence[Source], facts: ServiceFacts, major: int | None = None) -> Report:
    """One report on several configurations. The path of each finding begins with the label of its configuration."""
    reports = [(source.label, _lint_source(source, facts, major)) for source in sources]
    return Report(
        next((report.major for _, report in reports if report.major), None),
        [located(finding, label) for label, report in reports for finding in report.findings],
    )


def _lint_source(source: Source, facts: ServiceFacts, major: int | None) -> Report:
    try:
        configuration = read_source(source, major)
        found = findings(RULES, configuration, facts)
    except UnparsableError as error:
        return Report(None, [unparsable(str(error), error.place)])
    except RecursionError:
        return Report(None, [too_deep()])
    if source.more_elsewhere:
        unknown = MAY_BE_ELSEWHERE if source.text else MAY_BE_IN_THE_FILE
        found = [finding for finding in found if finding.id not in unknown]
    return Report(configuration.major, found)
