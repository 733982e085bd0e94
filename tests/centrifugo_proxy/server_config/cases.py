"""Test cases for rules: a valid configuration with a change that a rule must report, or must not report."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from centrifugo_proxy.server_config.findings import Finding
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY, changed, findings_in, valid_config


class Case(NamedTuple):
    """Changes to a configuration that is valid for `facts`.

    `what` is the path of the expected finding, or a name for the case if no finding is expected.
    """

    finding_id: str
    what: str
    changes: dict[str, Any]
    major: int = 6
    facts: ServiceFacts = CONNECT_ONLY

    def seen(self) -> list[Finding]:
        return findings_in(changed(valid_config(self.major, self.facts), self.changes), self.facts, major=self.major)

    def places(self) -> list[tuple[str, str]]:
        """The id and the path of each finding."""
        return [(finding.id, finding.path) for finding in self.seen()]


def name_of(case: Case) -> str:
    return f"v{case.major}-{case.finding_id}-{case.what}"


def finding_tests(
    fires: Iterable[Case], silent: Iterable[Case]
) -> tuple[Callable[[Case], None], Callable[[Case], None]]:
    """Two tests: a case of `fires` has only its own finding, and a case of `silent` does not have its finding."""

    @pytest.mark.parametrize("case", fires, ids=name_of)
    def reports_the_finding(case: Case) -> None:
        assert case.places() == [(case.finding_id, case.what)]

    @pytest.mark.parametrize("case", silent, ids=name_of)
    def reports_no_such_finding(case: Case) -> None:
        assert case.finding_id not in [finding.id for finding in case.seen()]

    return reports_the_finding, reports_no_such_finding
