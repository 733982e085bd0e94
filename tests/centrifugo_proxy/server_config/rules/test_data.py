"""Findings about the data of publications."""

from dataclasses import replace
from typing import Final

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, CONNECT_ONLY

FINDING: Final = "binary-publications"
ON: Final = {"channel.proxy.publish.binary_encoding": True}
NAMED: Final = {
    "name": "policy",
    "endpoint": "http://realtime:9730/centrifugo/publish",
    "timeout": "3s",
    "include_connection_meta": True,
    "http": {"static_headers": {"X-Centrifugo-Proxy-Token": "right-token"}},
}
OWN: Final = {"name": "own", "publish_proxy_enabled": True, "publish_proxy_name": "policy"}
OF_OWN: Final = replace(CONNECT_ONLY, events=("connect", "publish"), namespaces={"own": frozenset({"publish"})})
FIRES: Final = [
    Case(FINDING, "channel.proxy.publish.binary_encoding", ON, facts=ALL_EVENTS),
    Case(
        FINDING,
        "channel.proxy.publish.binary_encoding",
        {**ON, "channel.publication_data_format": "binary"},
        facts=ALL_EVENTS,
    ),
    Case(FINDING, "proxy_binary_encoding", {"proxy_binary_encoding": "true"}, major=5, facts=ALL_EVENTS),
    Case(
        FINDING,
        "proxies[0].binary_encoding",
        {"proxies": [{**NAMED, "binary_encoding": True}], "channel.namespaces": [OWN]},
        facts=OF_OWN,
    ),
]
SILENT: Final = [
    Case(FINDING, "off", {"channel.proxy.publish.binary_encoding": False}, facts=ALL_EVENTS),
    Case(
        FINDING,
        "a subscribe proxy, whose requests have no data",
        {"channel.proxy.subscribe.binary_encoding": True},
        facts=ALL_EVENTS,
    ),
    Case(
        FINDING, "an rpc proxy, whose answer goes to one client", {"rpc.proxy.binary_encoding": True}, facts=ALL_EVENTS
    ),
    Case(FINDING, "only JSON is published", {**ON, "channel.publication_data_format": "json"}, facts=ALL_EVENTS),
    Case(
        FINDING,
        "only JSON is published in the namespace",
        {
            "proxies": [{**NAMED, "binary_encoding": True}],
            "channel.namespaces": [{**OWN, "publication_data_format": "json_object"}],
        },
        facts=OF_OWN,
    ),
    Case(FINDING, "no publish proxy", {"proxy_binary_encoding": True}, major=5, facts=CONNECT_ONLY),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
