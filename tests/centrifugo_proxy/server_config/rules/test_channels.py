"""Findings about options that change how Centrifugo reads the names of channels and RPC methods."""

from dataclasses import replace
from typing import Final

from centrifugo_proxy.protocol.codes import ResponseMode
from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, BOTH, CONNECT_ONLY

NO_POOL = replace(ALL_EVENTS, pool=False)
PERSONAL = "client.subscribe_to_user_personal_channel"
WITH_RPC: Final = replace(CONNECT_ONLY, tokens=(), mode=ResponseMode.ENVELOPE, events=("connect", "rpc"))
GRANULAR: Final = {
    "granular_proxy_mode": True,
    "connect_proxy_name": "connect",
    "rpc_proxy_name": "rpc",
    "proxies": [
        {
            "name": event,
            "endpoint": f"http://realtime:9730/centrifugo/{event}",
            "timeout": "3s",
            "include_connection_meta": True,
        }
        for event in ("connect", "rpc")
    ],
}

FIRES: Final = [
    Case("namespace-boundary", "channel.namespace_boundary", {"channel.namespace_boundary": "/"}, facts=ALL_EVENTS),
    Case("namespace-boundary", "channel.namespace_boundary", {"channel.namespace_boundary": ""}, facts=ALL_EVENTS),
    Case(
        "namespace-boundary",
        "channel_namespace_boundary",
        {"channel_namespace_boundary": "."},
        major=5,
        facts=ALL_EVENTS,
    ),
    Case("private-prefix", "channel.private_prefix", {"channel.private_prefix": "fam"}, facts=ALL_EVENTS),
    Case("private-prefix", "channel_private_prefix", {"channel_private_prefix": "n"}, major=5, facts=ALL_EVENTS),
    Case("rpc-boundary", "rpc.namespace_boundary", {"rpc.namespace_boundary": "."}, facts=ALL_EVENTS),
    Case("rpc-boundary", "rpc_namespace_boundary", {"rpc_namespace_boundary": ".", **GRANULAR}, 5, WITH_RPC),
    Case(
        "personal-channels",
        f"{PERSONAL}.personal_channel_namespace",
        {PERSONAL: {"enabled": True}},
        facts=ALL_EVENTS,
    ),
    Case(
        "personal-channels",
        "user_personal_channel_namespace",
        {"user_subscribe_to_personal": True},
        major=5,
        facts=ALL_EVENTS,
    ),
]
SILENT: Final = [
    Case("namespace-boundary", "the default", {"channel.namespace_boundary": ":"}, facts=ALL_EVENTS),
    Case("namespace-boundary", "no policy", {"channel_namespace_boundary": "/"}, major=5),
    Case("private-prefix", "the default", {"channel.private_prefix": "$"}, facts=ALL_EVENTS),
    Case("private-prefix", "no private channels", {"channel_private_prefix": ""}, major=5, facts=ALL_EVENTS),
    Case("rpc-boundary", "no rpc", {"rpc.namespace_boundary": "."}, facts=CONNECT_ONLY),
    Case("rpc-boundary", "v5 without granular mode", {"rpc_namespace_boundary": "."}, 5, ALL_EVENTS),
    Case("personal-channels", "no pool", {PERSONAL: {"enabled": True}}, facts=NO_POOL),
    Case(
        "personal-channels",
        "a separate namespace",
        {PERSONAL: {"enabled": True, "personal_channel_namespace": "own"}, "channel.namespaces": [{"name": "own"}]},
        facts=replace(ALL_EVENTS, namespaces={}),
    ),
    Case(
        "personal-channels",
        "another separator",
        {"user_subscribe_to_personal": True, "channel_namespace_boundary": "/"},
        major=5,
        facts=replace(ALL_EVENTS, namespaces={"": BOTH}),
    ),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
