"""Findings about rights that Centrifugo grants without calling this service."""

from dataclasses import replace
from typing import Any, Final

from tests.centrifugo_proxy.server_config.cases import Case, judging
from tests.centrifugo_proxy.server_config.sound import ALL_EVENTS, BOTH, CONNECT_ONLY

FAMILY = replace(ALL_EVENTS, namespaces={"family": BOTH}, subscriptions_expire=False)
KEPT = {"history_size": 10, "history_ttl": "60s"}
MAP = {"subscription_type": "map"}
EPHEMERAL = {"mode": "ephemeral", "key_ttl": "60s"}


def six(**options: Any) -> dict[str, Any]:
    """A change after which a v6 configuration has only the namespace `family`, with these options too."""
    proxies = {f"{event}_proxy_enabled": True for event in ("subscribe", "publish", "sub_refresh")}
    return {"channel.namespaces": [{"name": "family", **proxies, **options}]}


def five(**options: Any) -> dict[str, Any]:
    proxies = {f"proxy_{event}": True for event in ("subscribe", "publish", "sub_refresh")}
    return {"namespaces": [{"name": "family", **proxies, **options}]}


DECIDED: Final = "rights-without-subscription"
OPEN: Final = "rights-of-every-client"
AT = "channel.namespaces[0]"
FIRES: Final = [
    Case(DECIDED, f"{AT}.allow_history_for_client", six(allow_history_for_client=True, **KEPT), facts=FAMILY),
    Case(DECIDED, f"{AT}.allow_presence_for_client", six(allow_presence_for_client="1", presence=True), facts=FAMILY),
    Case(
        DECIDED,
        f"{AT}.map.allow_publish_for_client",
        six(map={**EPHEMERAL, "allow_publish_for_client": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        DECIDED,
        f"{AT}.map.allow_remove_for_client",
        six(map={**EPHEMERAL, "allow_remove_for_client": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        DECIDED,
        f"{AT}.map.allow_remove_for_subscriber",
        six(map={**EPHEMERAL, "allow_remove_for_subscriber": True}, **MAP),
        facts=FAMILY,
    ),
    Case(
        DECIDED,
        "namespaces[0].allow_history_for_client",
        five(allow_history_for_client=True, **KEPT),
        major=5,
        facts=FAMILY,
    ),
    Case(
        DECIDED,
        "namespaces[0].allow_presence_for_client",
        five(allow_presence_for_client=True, presence=True),
        major=5,
        facts=FAMILY,
    ),
    Case(
        "shared-poll-signatures",
        f"{AT}.subscription_type",
        {
            **six(subscription_type="shared_poll"),
            "shared_poll.hmac_secret_key": "invented",
            "channel.proxy.shared_poll_refresh.endpoint": "http://entries:80/",
        },
        facts=FAMILY,
    ),
    Case(
        OPEN,
        f"{AT}.allow_history_for_client",
        {"channel.namespaces": [{"name": "news", "allow_history_for_client": True, **KEPT}]},
    ),
    Case(OPEN, "allow_presence_for_client", {"allow_presence_for_client": True, "presence": True}, major=5),
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
    Case(DECIDED, "no history is kept", six(allow_history_for_client=True), facts=FAMILY),
    Case(DECIDED, "no presence is kept", five(allow_presence_for_client=True), major=5, facts=FAMILY),
    Case(DECIDED, "subscribers only", six(allow_history_for_subscriber=True, **KEPT), facts=FAMILY),
    Case(DECIDED, "not a map", six(map={"allow_publish_for_client": True}), facts=FAMILY),
    Case(
        OPEN,
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
    case = Case(DECIDED, "both rights", six(map={**EPHEMERAL, **rights}, **MAP), facts=FAMILY)

    effects = {finding.path: finding.effect for finding in case.seen()}

    assert effects == {
        f"{AT}.map.allow_publish_for_client": (
            "Every connected client can write entries of the channel's map, in any of these channels. The subscribe "
            "proxy is not called: families, parental locks, tiers and the degraded mark have no effect."
        ),
        f"{AT}.map.allow_publish_for_subscriber": (
            "Every connected client can write entries of the channel's map once subscribed, in any of these channels. "
            "The service is not asked: publish rules, parental locks and tiers do not apply to such a change."
        ),
    }


test_a_mistake_is_found_where_it_is, test_a_near_miss_is_not_a_finding = judging(FIRES, SILENT)
