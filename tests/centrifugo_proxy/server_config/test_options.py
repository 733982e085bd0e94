"""Every option of both majors is judged by a rule, or is listed as harmless with the reason."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from centrifugo_proxy.server_config import rules
from centrifugo_proxy.server_config.options import OPTIONS
from tests.centrifugo_proxy.server_config.harmless import HARMLESS
from tests.centrifugo_proxy.server_config.judged import JUDGED
from tests.harness.centrifugo import binary
from tools.centrifugo_options import describe_v6, options_v5, options_v6, sources_of_v5

SOURCES = "\n".join(file.read_text() for file in Path(rules.__file__).parent.glob("*.py"))
RULE = re.compile(r'RULES\.rule\("([a-z0-9-]+)"')


def matching(patterns: Iterable[str], option: str) -> list[str]:
    return [pattern for pattern in patterns if re.fullmatch(pattern, option)]


def values_of(major: int) -> list[str]:
    """The options that have a value of their own; tables and lists are walked through."""
    return [option for option, kind in OPTIONS[major].items() if kind not in ("table", "tables")]


@pytest.mark.parametrize("major", [6, 5])
def test_every_option_is_judged_or_harmless_for_a_reason(major: int) -> None:
    unknown = [each for each in values_of(major) if not matching([*JUDGED[major], *HARMLESS[major]], each)]

    assert unknown == []


@pytest.mark.parametrize("major", [6, 5])
def test_no_entry_names_an_option_that_is_gone_or_is_judged_elsewhere(major: int) -> None:
    judged = {option for option in OPTIONS[major] if matching(JUDGED[major], option)}
    others = set(OPTIONS[major]) - judged

    idle = [pattern for pattern in JUDGED[major] if not any(re.fullmatch(pattern, option) for option in judged)]
    idle += [pattern for pattern in HARMLESS[major] if not any(re.fullmatch(pattern, option) for option in others)]

    assert idle == []


@pytest.mark.parametrize("major", [6, 5])
def test_each_rule_that_judges_is_there(major: int) -> None:
    known = set(RULE.findall(SOURCES))

    assert {rule for rules_of in JUDGED[major].values() for rule in rules_of.split()} - known == set()


@pytest.mark.processes
def test_the_list_is_that_of_the_server() -> None:
    centrifugo = binary(6)
    if centrifugo is None:
        pytest.skip("no Centrifugo v6: `make centrifugos` builds it")

    assert dict(options_v6(describe_v6(centrifugo))) == OPTIONS[6]


@pytest.mark.processes
def test_the_list_is_that_of_the_sources_of_v5() -> None:
    folder = sources_of_v5()
    if folder is None:
        pytest.skip("no sources of Centrifugo v5: `make centrifugos` fetches them, with Go")

    assert dict(options_v5(folder)) == OPTIONS[5]
