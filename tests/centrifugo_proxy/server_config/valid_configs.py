"""Valid configurations, for tests that change them."""

from dataclasses import replace
from typing import Any

from centrifugo_proxy.protocol.codes import EVENTS, ResponseMode
from centrifugo_proxy.server_config.document import plain
from centrifugo_proxy.server_config.findings import Finding, findings
from centrifugo_proxy.server_config.generate import generate
from centrifugo_proxy.server_config.linter import RULES
from centrifugo_proxy.server_config.parsing import lowered
from centrifugo_proxy.server_config.reader import configuration_of
from centrifugo_proxy.server_config.service_facts import ServiceFacts

Config = dict[str, Any]
BOTH = frozenset({"subscribe", "publish"})
CONNECT_ONLY = ServiceFacts(
    "http://realtime:9730", 2500, ResponseMode.HTTP, 4401, tokens=(b"right-token", b"older-token")
)
UNGUARDED = replace(CONNECT_ONLY, tokens=())
ALL_EVENTS = replace(
    CONNECT_ONLY,
    events=EVENTS,
    family_deadline_ms=1000,
    rpc_deadline_ms=2500,
    namespaces={"family": BOTH, "news": BOTH},
    pool=True,
    subscriptions_expire=True,
)


def valid_config(major: int, facts: ServiceFacts = CONNECT_ONLY) -> Config:
    """The generated configuration with allowed origins, so that it has no findings."""
    config: Config = plain(generate(facts, major, "json", with_secrets=True))
    return changed(config, {"client.allowed_origins" if major == 6 else "allowed_origins": ["https://app.test"]})


def changed(config: Config, changes: dict[str, Any]) -> Config:
    """Change the values at these dotted paths, and return the configuration. None removes an option."""
    for path, value in changes.items():
        table, (*parents, last) = config, path.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
        table.pop(last, None)
        if value is not None:
            table[last] = value
    return config


def findings_in(
    config: Config, facts: ServiceFacts = CONNECT_ONLY, file_format: str = "json", major: int | None = None
) -> list[Finding]:
    return findings(RULES, configuration_of(lowered(config), file_format, major), facts)
