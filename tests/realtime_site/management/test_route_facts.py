"""What check_routes reads from a Centrifugo configuration."""

import json
from pathlib import Path
from typing import Any

import pytest

from realtime_site.management.route_facts import server_facts


@pytest.mark.parametrize(
    ("size", "ttl", "history"),
    [
        (10, "60s", True),
        (10, 60_000_000_000, True),
        (10, "0m", False),
        (10, "0h0m0s", False),
        (10, "", False),
        (10, 0, False),
        (10, None, False),
        (0, "60s", False),
    ],
)
def test_a_namespace_has_a_history_if_both_its_size_and_its_ttl_are_above_zero(
    tmp_path: Path, size: int, ttl: str | int | None, history: bool
) -> None:
    file = tmp_path / "config.json"
    namespace = {"name": "family", "history_size": size, "history_ttl": ttl}
    file.write_text(json.dumps({"channel": {"namespaces": [namespace]}}))

    [facts] = [each for each in server_facts(file).namespaces if each.name == "family"]

    assert facts.history is history


@pytest.mark.parametrize(
    ("configuration", "nats"),
    [
        ({"broker": {"enabled": True, "type": "nats"}, "channel": {}}, True),
        ({"broker": {"enabled": "true", "type": "nats"}, "channel": {}}, True),
        ({"broker": {"type": "nats"}, "channel": {}}, False),
        ({"broker": {"enabled": True, "type": "redis"}, "channel": {}}, False),
        ({"broker": {"enabled": True}, "channel": {}}, False),
        ({"channel": {}}, False),
        ({"broker": "nats", "api_key": "x", "namespaces": []}, True),
        ({"broker": "", "api_key": "x", "namespaces": []}, False),
        ({"api_key": "x", "namespaces": []}, False),
    ],
)
def test_the_broker_is_nats_if_the_configuration_enables_nats(
    tmp_path: Path, configuration: dict[str, Any], nats: bool
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(configuration))

    assert server_facts(file).nats is nats
