"""Findings about rights that Centrifugo grants without calling this service."""

from dataclasses import replace
from typing import Any, Final

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, BOTH, CONNECT_ONLY

FAMILY = replace(ALL_EVENTS, namespaces={"family": BOTH}, subscriptions_expire=False)
KEPT = {"history_size": 10, "history_ttl": "60s"}
MAP = {"subscription_type": "map"}
EPHEMERAL = {"mode": "ephemeral", "key_ttl": "60s"}


def v6_namespace(**options: Any) -> dict[str, Any]:
    """A change that gives a v6 configuration only the namespace `family`, with all proxies and with these options."""
    proxies = {f"{event}_proxy_enabled": True for event in ("subscribe", "publish", "sub_refresh")}
    return {"channel.namespaces": [{"name": "family", **proxies, **options}]}


def v5_namespace(**options: Any) -> dict[str, Any]:
    proxies = {f"proxy_{event}": True for event in ("subscribe", "publish", "sub_refresh")}
    return {"namespaces": [{"name": "family", **proxies, **options}]}


WITHOUT_SUBSCRIPTION: Final = "rights-without-subscription"
EVERY_CLIENT: Final = "rights-of-every-client"
AT = "channel.namespaces[0]"
FIRES: Final = [
    Case(
        WITHOUT_SUBSCRIPTION,
        f"{AT}.allow_history_for_client",
        v6_namespace(allow_history_for_client=True, **KEPT),
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        f"{AT}.allow_presence_for_client",
        v6_namespace(allow_presence_for_client="1", presence=True),
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        f"{AT}.map.allow_publish_for_client",
        v6_namespace(map={**EPHEMERAL, "allow_publish_for_client": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        f"{AT}.map.allow_remove_for_client",
        v6_namespace(map={**EPHEMERAL, "allow_remove_for_client": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        f"{AT}.map.allow_remove_for_subscriber",
        v6_namespace(map={**EPHEMERAL, "allow_remove_for_subscriber": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        "namespaces[0].allow_history_for_client",
        v5_namespace(allow_history_for_client=True, **KEPT),
        major=5,
        facts=FAMILY,
    ),
    Case(
        WITHOUT_SUBSCRIPTION,
        "namespaces[0].allow_presence_for_client",
        v5_namespace(allow_presence_for_client=True, presence=True),
        major=5,
        facts=FAMILY,
    ),
    Case(
        "shared-poll-signatures",
        f"{AT}.subscription_type",
        {
            **v6_namespace(subscription_type="shared_poll"),
            "shared_poll.hmac_secret_key": "invented",
            "channel.proxy.shared_poll_refresh.endpoint": "http://entries:80/",
        },
        facts=FAMILY,
    ),
    Case(
        EVERY_CLIENT,
        f"{AT}.allow_history_for_client",
        {"channel.namespaces": [{"name": "news", "allow_history_for_client": True, **KEPT}]},
    ),
    Case(EVERY_CLIENT, "allow_presence_for_client", {"allow_presence_for_client": True, "presence": True}, major=5),
]
SILENT: Final = [
    Case(
        "shared-poll-signatures",
        "a namespace without proxy or policy",
        {
            "channel.namespaces": [{"name": "news", "subscription_type": "shared_poll"}],
            "shared_poll.hmac_secret_key": "invented",
            "channel.proxy.shared_poll_refresh.endpoint": "http://entries:80/",
        },
    ),
    Case(WITHOUT_SUBSCRIPTION, "no history is kept", v6_namespace(allow_history_for_client=True), facts=FAMILY),
    Case(
        WITHOUT_SUBSCRIPTION, "no presence is kept", v5_namespace(allow_presence_for_client=True), major=5, facts=FAMILY
    ),
    Case(
        WITHOUT_SUBSCRIPTION, "subscribers only", v6_namespace(allow_history_for_subscriber=True, **KEPT), facts=FAMILY
    ),
    Case(WITHOUT_SUBSCRIPTION, "not a map", v6_namespace(map={"allow_publish_for_client": True}), facts=FAMILY),
    Case(
        EVERY_CLIENT,
        "a proxy decides about each entry",
        {
            "channel.namespaces": [
                {
                    "name": "news",
                    **MAP,
                    "map": {**EPHEMERAL, "allow_publish_for_client": True, "publish_proxy_enabled": True},
                }
            ],
            "channel.proxy.map_publish.endpoint": "http://entries:80/",
        },
        facts=CONNECT_ONLY,
    ),
]


def test_a_finding_about_subscribers_does_not_say_that_the_subscribe_proxy_is_bypassed() -> None:
    rights = {"allow_publish_for_client": True, "allow_publish_for_subscriber": True}
    case = Case(WITHOUT_SUBSCRIPTION, "both rights", v6_namespace(map={**EPHEMERAL, **rights}, **MAP), facts=FAMILY)

    effects = {finding.path: finding.effect for finding in case.seen()}

    assert effects == {
        f"{AT}.map.allow_publish_for_client": (
            "Every connected client can write entries of the channel's map, in any of these channels. Centrifugo does "
            "not call the subscribe proxy, so the rules about families, parental locks, tiers and the degraded mark "
            "have no effect."
        ),
        f"{AT}.map.allow_publish_for_subscriber": (
            "Every connected client can subscribe, and then write entries of the channel's map, in any of these "
            "channels. Centrifugo does not call the service for such a change, so publish rules, parental locks and "
            "tiers do not apply to it."
        ),
    }


test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
