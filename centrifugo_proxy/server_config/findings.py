"""What the rules say, and how they are registered. Ids are never reused; docs/centrifugo.md explains each."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.service_facts import ServiceFacts


class Severity(StrEnum):
    """An error breaks connections or lets in who does not belong; a warning may be meant."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """Where in the file, what happens to a user because of it, and what to do. Never holds a secret."""

    path: str
    effect: str
    remedy: str


class Finding(NamedTuple):
    """A problem, by the id of the rule that saw it."""

    id: str
    severity: Severity
    path: str
    effect: str
    remedy: str


Check = Callable[[Configuration, ServiceFacts], Iterator[Problem]]


class Rule(NamedTuple):
    """One thing that is looked for."""

    severity: Severity
    check: Check


# Found before there is a configuration to look at.
UNREADABLE: Final = "file-unreadable"
UNPARSABLE: Final = "file-unparsable"


class Register(dict[str, Rule]):
    """Rules by the id of their finding."""

    def rule(self, finding_id: str, severity: Severity) -> Callable[[Check], Check]:
        """Enter the decorated function under this id."""

        def enter(check: Check) -> Check:
            self[finding_id] = Rule(severity, check)
            return check

        return enter


def findings(rules: Mapping[str, Rule], configuration: Configuration, facts: ServiceFacts) -> list[Finding]:
    """All that the rules find, errors first. An option that several events share is named once."""
    found = {
        (finding_id, problem.path): Finding(finding_id, severity, *problem)
        for finding_id, (severity, check) in rules.items()
        for problem in check(configuration, facts)
    }
    return sorted(found.values(), key=lambda finding: finding.severity is not Severity.ERROR)


def located(finding: Finding, label: str) -> Finding:
    """The finding with the place of its configuration in an outer file; "" when the configuration is the file."""
    return finding._replace(path=f"{label}: {finding.path}".removesuffix(": ")) if label else finding


def unreadable(reason: str) -> Finding:
    """The file could not be opened."""
    return _unchecked(reason, "Name a configuration file that this user may read.")


def too_deep() -> Finding:
    """Centrifugo may take the file, but it is more than can be looked through here."""
    return _unchecked("tables or lists are nested too deeply", "Take out what is nested: no option needs it.")


def _unchecked(reason: str, remedy: str) -> Finding:
    return Finding(UNREADABLE, Severity.ERROR, "", f"Nothing could be checked: {reason}.", remedy)


def unparsable(reason: str, place: str) -> Finding:
    """The file is not JSON, YAML or TOML."""
    return Finding(
        UNPARSABLE,
        Severity.ERROR,
        place,
        f"Centrifugo does not start with this file, and nobody can connect: {reason} ({place}).",
        "Correct that line. The format is told by the file's suffix: .json, .yaml, .yml or .toml.",
    )
