"""Every option of both majors has a rule, or is listed as harmless with a reason."""

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
    """The options with a value, including those inside tables and lists."""
    return [option for option, kind in OPTIONS[major].items() if kind not in ("table", "tables")]


@pytest.mark.parametrize("major", [6, 5])
def test_every_option_has_a_rule_or_is_listed_as_harmless(major: int) -> None:
    unknown = [each for each in values_of(major) if not matching([*JUDGED[major], *HARMLESS[major]], each)]

    assert unknown == []


@pytest.mark.parametrize("major", [6, 5])
def test_each_pattern_matches_an_option_and_each_harmless_pattern_matches_one_without_a_rule(major: int) -> None:
    judged = {option for option in OPTIONS[major] if matching(JUDGED[major], option)}
    others = set(OPTIONS[major]) - judged

    unused = [pattern for pattern in JUDGED[major] if not any(re.fullmatch(pattern, option) for option in judged)]
    unused += [pattern for pattern in HARMLESS[major] if not any(re.fullmatch(pattern, option) for option in others)]

    assert unused == []


@pytest.mark.parametrize("major", [6, 5])
def test_every_rule_in_the_list_of_judged_options_exists(major: int) -> None:
    known = set(RULE.findall(SOURCES))

    assert {rule for rules_of in JUDGED[major].values() for rule in rules_of.split()} - known == set()


@pytest.mark.processes
def test_the_list_of_v6_options_is_that_of_the_server() -> None:
    centrifugo = binary(6)
    if centrifugo is None:
        pytest.skip("no Centrifugo v6: `make centrifugos` builds it")

    assert dict(options_v6(describe_v6(centrifugo))) == OPTIONS[6]


@pytest.mark.processes
def test_the_list_of_v5_options_is_that_of_its_sources() -> None:
    folder = sources_of_v5()
    if folder is None:
        pytest.skip("no sources of Centrifugo v5: `make centrifugos` fetches them, with Go")

    assert dict(options_v5(folder)) == OPTIONS[5]
