"""Identity's fields about a user reach other clients (info) or only the proxies of session events (meta)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import one_after_another, sdk_client
from tests.e2e.stack import Stack, guard_of
from tests.harness import centrifugo
from tests.harness.centrifugo import Centrifugo, Config
from tests.harness.session_event_proxy import SessionEventProxy, session_event_proxy

KNOWN = {
    "family_id": "f-1",
    "subscription_tier": pb.SUBSCRIPTION_TIER_FAMILY,
    "parental_state": pb.ParentalState(feature_lock_chat=True),
}
LOCKS = {
    "screen_time_lock": False,
    "feature_lock_chat": True,
    "feature_lock_diary": False,
    "feature_lock_flowcoach": False,
}
EVERYTHING = {"family_id": "f-1", "subscription_tier": "family", "is_admin": False, "parental_state": LOCKS}


async def test_other_clients_see_the_users_in_a_channel_and_their_info(http_stack: Stack) -> None:
    seen = await seen_by_another(http_stack, **KNOWN)

    assert seen == EVERYTHING


async def test_other_clients_see_only_the_fields_in_centrifugo_info_fields(envelope_stack: Stack) -> None:
    seen = await seen_by_another(envelope_stack, **KNOWN)

    assert seen == {"subscription_tier": "family"}


async def test_other_clients_see_that_a_user_is_degraded_even_if_centrifugo_info_fields_omits_it(
    envelope_stack: Stack,
) -> None:
    seen = await seen_by_another(envelope_stack, degraded=True)

    assert seen == {"subscription_tier": "unspecified", "degraded": True}


async def test_a_session_event_receives_all_fields_in_meta_and_none_in_info(
    centrifugo_bin: Path, envelope_stack: Stack
) -> None:
    ticket = envelope_stack.tickets.issue("u-1", **KNOWN)

    with rpc_to_another(centrifugo_bin, envelope_stack) as (front, proxy):
        async with sdk_client(front.websocket, one_after_another(ticket)) as client:
            await client.rpc("diary.list", {})

    assert [(request["user"], request["meta"]) for request in proxy.requests] == [("u-1", EVERYTHING)]
    assert "info" not in proxy.requests[0]


async def seen_by_another(stack: Stack, **known: Any) -> Any:
    """The `info` of a user with these fields, as another client sees it."""
    shown, other = stack.tickets.issue("u-shown", **known), stack.tickets.issue("u-other")
    async with (
        sdk_client(stack.url, one_after_another(shown)) as first,
        sdk_client(stack.url, one_after_another(other)) as second,
    ):
        await first.who_is_in()
        return (await second.who_is_in())["u-shown"]


@contextmanager
def rpc_to_another(binary: Path, stack: Stack) -> Iterator[tuple[Centrifugo, SessionEventProxy]]:
    """A Centrifugo in front of this service, with another server as its rpc proxy."""
    with session_event_proxy() as proxy:
        rpc: Config = {
            "rpc": {
                "without_namespace": {"proxy_enabled": True},
                "proxy": {"endpoint": proxy.url, "include_connection_meta": True},
            }
        }
        if centrifugo.layout(binary) == 5:
            rpc = {"proxy_rpc_endpoint": proxy.url, "proxy_include_connection_meta": True}
        config = centrifugo.merged(stack.config, rpc)
        with centrifugo.running(binary, config, **guard_of(binary, stack.service.variables)) as front:
            yield front, proxy
