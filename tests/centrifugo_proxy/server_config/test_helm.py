"""The values for Centrifugo's Helm chart. They contain the same configuration as the printed file."""

import json

import pytest
import yaml

from centrifugo_proxy.server_config.document import plain, render
from centrifugo_proxy.server_config.generate import NotPossible, generate
from centrifugo_proxy.server_config.helm import helm_values
from centrifugo_proxy.server_config.linter import lint
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, CONNECT_ONLY, UNGUARDED


@pytest.mark.parametrize("facts", [CONNECT_ONLY, ALL_EVENTS], ids=["connect", "all events"])
def test_the_values_contain_the_configuration_and_take_the_token_from_a_secret(facts: ServiceFacts) -> None:
    values = yaml.safe_load(render(helm_values(facts, 6, "yaml"), "yaml"))

    secret = {"name": "centrifugo-proxy-token", "key": "token"}
    assert values == {
        "config": plain(generate(facts, 6, "json")),
        "envSecret": [{"name": "CENTRIFUGO_VAR_PROXY_TOKEN", "secretKeyRef": secret}],
    }
    assert "right-token" not in json.dumps(values)


def test_without_a_guard_token_the_values_name_no_secret() -> None:
    assert list(helm_values(UNGUARDED, 6, "yaml")) == ["config"]


@pytest.mark.parametrize("file_format", ["yaml", "json"])
def test_the_linter_reports_only_the_empty_origins_in_the_values(file_format: str) -> None:
    text = render(helm_values(ALL_EVENTS, 6, file_format), file_format)

    report = lint(text, f"values.{file_format}", ALL_EVENTS)

    assert [(each.id, each.path) for each in report.findings] == [("origins-empty", "config: client.allowed_origins")]


def test_values_for_v5_are_refused() -> None:
    with pytest.raises(NotPossible, match="--helm supports only Centrifugo v6"):
        helm_values(CONNECT_ONLY, 5, "yaml")


def test_values_in_toml_are_refused_because_helm_cannot_read_them() -> None:
    with pytest.raises(NotPossible, match="--helm supports only the formats yaml and json"):
        helm_values(CONNECT_ONLY, 6, "toml")
