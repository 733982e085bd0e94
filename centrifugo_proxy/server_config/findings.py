"""Findings and the register of rules. Ids are never reused. docs/centrifugo.md explains each finding."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.service_facts import ServiceFacts


class Severity(StrEnum):
    """An error breaks connections or admits strangers. A warning may be about an intended setting."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """The path in the file, the effect on a user, and the remedy. Never contains a secret."""

    path: str
    effect: str
    remedy: str


class Finding(NamedTuple):
    """A problem with the id and severity of its rule."""

    id: str
    severity: Severity
    path: str
    effect: str
    remedy: str


Check = Callable[[Configuration, ServiceFacts], Iterator[Problem]]


class Rule(NamedTuple):
    """A check and the severity of what it finds."""

    severity: Severity
    check: Check


# The ids of findings about a file that cannot be read as a configuration.
UNREADABLE: Final = "file-unreadable"
UNPARSABLE: Final = "file-unparsable"


class Register(dict[str, Rule]):
    """Rules by the id of their findings."""

    def rule(self, finding_id: str, severity: Severity) -> Callable[[Check], Check]:
        """Register the decorated function under this id."""

        def enter(check: Check) -> Check:
            self[finding_id] = Rule(severity, check)
            return check

        return enter


def findings(rules: Mapping[str, Rule], configuration: Configuration, facts: ServiceFacts) -> list[Finding]:
    """The findings of all rules, errors first.

    If several events share an option, a problem of the option is reported only for the first event.
    """
    found: dict[tuple[str, str], Finding] = {}
    for finding_id, (severity, check) in rules.items():
        for problem in check(configuration, facts):
            found.setdefault((finding_id, problem.path), Finding(finding_id, severity, *problem))
    return sorted(found.values(), key=lambda finding: finding.severity is not Severity.ERROR)


def located(finding: Finding, label: str) -> Finding:
    """The finding with the label of its configuration in front of its path. An empty label changes nothing."""
    return finding._replace(path=f"{label}: {finding.path}".removesuffix(": ")) if label else finding


def unreadable(reason: str) -> Finding:
    """The finding for a file that cannot be opened, or that contains no configuration."""
    return _unchecked(reason, "Give the path of a configuration file that the current user may read.")


def too_deep() -> Finding:
    """The finding for a file whose tables are nested too deeply for a check. Centrifugo may accept such a file."""
    return _unchecked("tables or lists are nested too deeply", "Remove the deep tables: no option needs them.")


def _unchecked(reason: str, remedy: str) -> Finding:
    return Finding(UNREADABLE, Severity.ERROR, "", f"Nothing could be checked: {reason}.", remedy)


def unparsable(reason: str, place: str) -> Finding:
    """The finding for text that is not valid in its format."""
    return Finding(
        UNPARSABLE,
        Severity.ERROR,
        place,
        f"Centrifugo does not start with this file, and no client can connect: {reason} ({place}).",
        "Correct that line. The file's suffix decides the format: .json, .yaml, .yml or .toml.",
    )
