"""Findings about the time after which Centrifugo closes a connection that is not accepted yet."""

from dataclasses import replace

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY

LONG_DEADLINE = replace(CONNECT_ONLY, deadline_ms=12_000)
V6, V5 = "client.stale_close_delay", "client_stale_close_delay"

FIRES = (
    Case("stale-close-delay", V6, {V6: None}, facts=LONG_DEADLINE),
    Case("stale-close-delay", V6, {V6: "11s"}, facts=LONG_DEADLINE),
    Case("stale-close-delay", V5, {V5: "2s"}, major=5),
    Case("stale-close-delay-short", V6, {V6: None}),
    Case("stale-close-delay-short", V6, {V6: 3_000_000_000}),
    Case("stale-close-delay-short", V5, {V5: None}, major=5),
    Case("stale-close-delay-short", V5, {V5: "10s"}, major=5),
)
SILENT = (
    Case("stale-close-delay", "above the deadline", {V6: "3s"}),
    Case("stale-close-delay-short", "longer than the SDKs wait", {V6: "10001ms"}),
    Case("stale-close-delay-short", "stale-close-delay reports this", {V6: "9s"}, facts=LONG_DEADLINE),
    Case("stale-close-delay-short", "no connect proxy", {V6: "5s", "client.proxy.connect": None}),
    Case("stale-close-delay-short", "0 means fifteen seconds", {V6: "0s"}),
    Case("stale-close-delay-short", "not a duration, which is another finding", {V5: 10}, major=5),
)

test_a_close_delay_that_may_close_connecting_clients_is_reported, test_a_long_close_delay_is_not_reported = (
    finding_tests(FIRES, SILENT)
)
