"""Findings of check_centrifugo_config: a real Centrifugo shows the harm that the text of each finding describes."""

import asyncio
import copy
import json
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from centrifugo_proxy.server_config.service_facts import ServiceFacts
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, BOTH, changed, findings_in, valid_config
from tests.e2e.clients import Closed, bare_connect, bare_session, one_after_another, sdk_client, with_ticket
from tests.e2e.deciding_proxy import MEMBER, OUTSIDER, DecidingProxy, deciding_proxy
from tests.e2e.stack import Stack, guard_of
from tests.harness import centrifugo
from tests.harness.centrifugo import Centrifugo
from tests.harness.certificates import Authority
from tests.harness.identity import aborts
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.waiting import until
from tools.ports import free_port

CHAT = "family:42"
FACTS = replace(
    ALL_EVENTS,
    tokens=(),
    events=("connect", "subscribe", "publish"),
    namespaces={"family": BOTH},
    pool=False,
    subscriptions_expire=False,
)
KEPT = {"history_size": 10, "history_ttl": "60s", "presence": True}
Changes = Mapping[int, dict[str, Any]]
only_v6 = pytest.mark.parametrize("centrifugo_bin", [6], ids="v{}".format, indirect=True)


@contextmanager
def misconfigured(
    path: Path,
    finding: str,
    changes: Changes,
    tls: ssl.SSLContext | None = None,
    facts: ServiceFacts = FACTS,
    **namespace: Any,
) -> Iterator[tuple[Centrifugo, DecidingProxy]]:
    """A Centrifugo with a mistake in its configuration, and its proxy endpoint.

    check_centrifugo_config reports the mistake as `finding`. `changes` has the changed options for each major version;
    `namespace` has options of the namespace `family`.
    """
    major = centrifugo.layout(path)
    with deciding_proxy(tls) as proxy:
        facts = replace(facts, base_url=proxy.url)
        config = changed(valid_config(major, facts), changes[major])
        config = centrifugo.with_channel_options(config, major, "family", **namespace) if namespace else config
        assert finding in [each.id for each in findings_in(config, facts, major=major)]
        with centrifugo.running(path, config) as front:
            yield front, proxy


async def ask_as(front: Centrifugo, user: str, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    """Connect as this user and send commands; returns the reply to each of them."""
    async with bare_session(front.websocket, with_ticket(user)) as ask:
        return [json.loads(await ask(json.dumps({"id": 2 + index, **each}))) for index, each in enumerate(commands)]


async def test_rights_without_a_subscription_show_an_outsider_a_familys_messages(centrifugo_bin: Path) -> None:
    rights: dict[str, Any] = {**KEPT, "allow_history_for_client": True, "allow_presence_for_client": True}

    with misconfigured(centrifugo_bin, "rights-without-subscription", {6: {}, 5: {}}, **rights) as (front, _):
        async with bare_session(front.websocket, with_ticket(MEMBER)) as ask:
            await ask(json.dumps({"id": 2, "subscribe": {"channel": CHAT}}))
            await ask(json.dumps({"id": 3, "publish": {"channel": CHAT, "data": {"text": "among us"}}}))
            refused, history, presence = await ask_as(
                front,
                OUTSIDER,
                {"subscribe": {"channel": CHAT}},
                {"history": {"channel": CHAT, "limit": 5}},
                {"presence": {"channel": CHAT}},
            )

    assert refused["error"]["code"] == 403
    assert [each["data"] for each in history["history"]["publications"]] == [{"text": "among us"}]
    assert [each["user"] for each in presence["presence"]["presence"].values()] == [MEMBER]


async def test_channels_are_in_no_namespace_with_a_different_namespace_boundary(centrifugo_bin: Path) -> None:
    changes = {
        6: {"channel.namespace_boundary": "/", "channel.without_namespace.allow_subscribe_for_client": True},
        5: {"channel_namespace_boundary": "/", "allow_subscribe_for_client": True},
    }

    with misconfigured(centrifugo_bin, "namespace-boundary", changes) as (front, proxy):
        (entered,) = await ask_as(front, OUTSIDER, {"subscribe": {"channel": CHAT}})

    assert "subscribe" in entered
    assert proxy.asked == []


async def test_a_namespace_with_a_private_prefix_refuses_its_members(centrifugo_bin: Path) -> None:
    changes = {6: {"channel.private_prefix": "fam"}, 5: {"channel_private_prefix": "fam"}}

    with misconfigured(centrifugo_bin, "private-prefix", changes) as (front, proxy):
        (refused,) = await ask_as(front, MEMBER, {"subscribe": {"channel": CHAT}})

    assert refused["error"] == {"code": 102, "message": "unknown channel"}  # there is no namespace "ily"
    assert proxy.asked == []


@only_v6  # v5 has RPC namespaces in granular mode only
async def test_methods_are_not_found_with_a_different_rpc_namespace_boundary(centrifugo_bin: Path) -> None:
    facts = replace(FACTS, events=(*FACTS.events, "rpc"))

    with misconfigured(centrifugo_bin, "rpc-boundary", {6: {"rpc.namespace_boundary": "."}}, facts=facts) as (
        front,
        proxy,
    ):
        (refused,) = await ask_as(front, MEMBER, {"rpc": {"method": "diary.add", "data": {}}})

    assert refused["error"] == {"code": 104, "message": "method not found"}
    assert proxy.asked == []


async def test_personal_channels_refuse_users_of_the_fallback_pool(centrifugo_bin: Path) -> None:
    personal = {"client.subscribe_to_user_personal_channel.enabled": True}
    changes = {6: personal, 5: {"user_subscribe_to_personal": True}}

    facts = replace(FACTS, pool=True)
    with misconfigured(centrifugo_bin, "personal-channels", changes, facts=facts) as (front, _):
        fallback = await bare_connect(front.websocket, with_ticket("fallback:3f9a00b1c2d3"))
        ordinary = await bare_connect(front.websocket, with_ticket("u-1"))

    assert fallback["error"] == {"code": 102, "message": "unknown channel"}
    assert "connect" in ordinary


async def test_the_grpc_api_without_a_key_serves_any_caller(centrifugo_bin: Path) -> None:
    port = free_port()
    changes: Changes = {
        6: {"grpc_api": {"enabled": True, "port": port}},
        5: {"grpc_api": True, "grpc_api_port": port},
    }

    with misconfigured(centrifugo_bin, "api-without-key", changes):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = channel.unary_unary(
                "/centrifugal.centrifugo.api.CentrifugoApi/Info",
                request_serializer=bytes,
                response_deserializer=bytes,
            )
            answer = await info(b"", wait_for_ready=True, timeout=10)

    assert answer != b""


async def test_an_unexpanded_reference_is_used_as_the_key_itself(centrifugo_bin: Path) -> None:
    reference = "${CENTRIFUGO_API_KEY_OF_THE_CLUSTER}"
    changes = {6: {"http_api.key": reference}, 5: {"api_key": reference}}

    with misconfigured(centrifugo_bin, "reference-literal", changes) as (front, _):
        async with httpx.AsyncClient(base_url=front.url, verify=NO_CERTIFICATES) as http:
            statuses = [
                (await http.post("/api/info", json={}, headers={"X-API-Key": key})).status_code
                for key in (reference, "another")
            ]

    assert statuses == [200, 401]


async def test_the_profiler_is_served_on_the_clients_port(centrifugo_bin: Path) -> None:
    with misconfigured(centrifugo_bin, "debug-endpoints", {6: {"debug.enabled": True}, 5: {"debug": True}}) as (
        front,
        _,
    ):
        async with httpx.AsyncClient(base_url=front.url, verify=NO_CERTIFICATES) as http:
            answer = await http.get("/debug/pprof/cmdline")

    assert (answer.status_code, "config.json" in answer.text) == (200, True)


async def test_after_its_burst_a_rate_limit_admits_one_connection_a_second(centrifugo_bin: Path) -> None:
    changes = {
        6: {"client.connection_rate_limit": 3},
        5: {"client_connection_rate_limit": 3, "client_connection_limit": 100},
    }

    with misconfigured(centrifugo_bin, "connection-rate-limit", changes) as (front, _):
        began = time.monotonic()
        burst = await admitted(front)
        burst_s = time.monotonic() - began
        await asyncio.sleep(1.2)
        later = await admitted(front)
        all_s = time.monotonic() - began

    assert 3 <= burst <= 3 + burst_s
    assert 1 <= later <= 1 + all_s


async def admitted(front: Centrifugo) -> int:
    """How many of twelve simultaneous connections are admitted."""
    async with httpx.AsyncClient(verify=NO_CERTIFICATES) as http:
        answers = await asyncio.gather(*(http.get(front.url + "/connection/websocket") for _ in range(12)))
    return sum(answer.status_code != 503 for answer in answers)


async def test_centrifugo_forwards_listed_headers_even_if_they_belong_to_the_clients_connection(
    centrifugo_bin: Path,
) -> None:
    path = "client.proxy.connect.http_headers"
    names = ["Connection", "Upgrade", "Host", "Content-Length"]
    changes = {6: {path: names}, 5: {"proxy_http_headers": names}}

    with misconfigured(centrifugo_bin, "header-of-connection", changes) as (front, proxy):
        await bare_connect(front.websocket, with_ticket("u-1"))

    sent = proxy.headers[0]
    assert (sent["connection"].lower(), sent["upgrade"]) == ("upgrade", "websocket")
    assert sent["host"] == proxy.url.removeprefix("http://")  # Centrifugo's own header, not the client's


async def test_centrifugo_sends_static_headers_even_if_they_belong_to_the_connection(centrifugo_bin: Path) -> None:
    static = {"Connection": "close", "Accept-Encoding": "br", "Host": "elsewhere"}
    changes = {6: {"client.proxy.connect.http.static_headers": static}, 5: {"proxy_static_http_headers": static}}

    with misconfigured(centrifugo_bin, "header-of-connection", changes) as (front, proxy):
        await bare_connect(front.websocket, with_ticket("u-1"))

    sent = proxy.headers[0]
    assert (sent["connection"], sent["accept-encoding"]) == ("close", "br")
    assert sent["host"] == proxy.url.removeprefix("http://")  # Centrifugo's own header, not the static one


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:port/centrifugo/connect", "http:///centrifugo/connect\n"])
async def test_an_endpoint_that_cannot_be_called_fails_every_connect(centrifugo_bin: Path, endpoint: str) -> None:
    changes = {6: {"client.proxy.connect.endpoint": endpoint}, 5: {"proxy_connect_endpoint": endpoint}}

    with misconfigured(centrifugo_bin, "endpoint-invalid", changes) as (front, _):
        answer = await bare_connect(front.websocket, with_ticket("u-1"))

    assert answer["error"] == {"code": 100, "message": "internal server error", "temporary": True}


async def test_a_publication_that_is_not_json_ends_subscribers_that_speak_json(centrifugo_bin: Path) -> None:
    changes = {6: {"channel.proxy.publish.binary_encoding": True}, 5: {"proxy_binary_encoding": True}}

    with misconfigured(centrifugo_bin, "binary-publications", changes) as (front, _):
        async with (
            sdk_client(front.websocket, one_after_another(MEMBER)) as reader,
            sdk_client(front.websocket, one_after_another(MEMBER), use_protobuf=True) as writer,
        ):
            await until(lambda: reader.connected and writer.connected)
            await reader.listen(CHAT)
            await writer.publish(CHAT, b"\xff")
            await until(lambda: reader.watcher.ended)

    assert reader.watcher.ended == [Closed(3506, "inappropriate protocol")]


async def test_a_connection_above_the_limit_per_user_is_ended_without_a_reconnect(centrifugo_bin: Path) -> None:
    changes = {6: {"client.user_connection_limit": 1}, 5: {"client_user_connection_limit": 1}}

    with misconfigured(centrifugo_bin, "user-connection-limit", changes) as (front, proxy):
        async with bare_session(front.websocket, with_ticket(MEMBER)):
            second = await bare_connect(front.websocket, with_ticket(MEMBER))

    assert second == Closed(3504, "connection limit")
    assert len(proxy.headers) == 2  # the second ticket was also used


async def test_a_ticket_longer_than_the_message_limit_is_refused(centrifugo_bin: Path) -> None:
    changes = {6: {"websocket.message_size_limit": 4096}, 5: {"websocket_message_size_limit": 4096}}

    with misconfigured(centrifugo_bin, "message-size-small", changes) as (front, proxy):
        answer = await bare_connect(front.websocket, with_ticket("x" * 4096))

    assert answer == Closed(1009, "")
    assert proxy.headers == []


async def test_log_level_trace_writes_tickets_to_the_log(centrifugo_bin: Path) -> None:
    ticket = secrets.token_hex(16)
    changes = {6: {"log.level": "trace"}, 5: {"log_level": "trace"}}

    with misconfigured(centrifugo_bin, "log-with-tickets", changes) as (front, _):
        await bare_connect(front.websocket, with_ticket(ticket))
        logged = front.log.read_text()

    assert f'\\"token\\":\\"{ticket}\\"' in logged.replace(" ", "")


@pytest.mark.parametrize("value", ["line\n", "bell\x07"])
async def test_a_header_that_cannot_be_sent_fails_every_call(centrifugo_bin: Path, value: str) -> None:
    static = {"X-Own": value}
    changes = {6: {"client.proxy.connect.http.static_headers": static}, 5: {"proxy_static_http_headers": static}}

    with misconfigured(centrifugo_bin, "header-unsendable", changes) as (front, proxy):
        answer = await bare_connect(front.websocket, with_ticket("u-1"))

    assert answer["error"] == {"code": 100, "message": "internal server error", "temporary": True}
    assert proxy.headers == []


@only_v6  # v5 always verifies the certificate of an HTTP proxy
async def test_without_verification_a_server_with_any_certificate_receives_tickets(
    centrifugo_bin: Path, tmp_path: Path
) -> None:
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.load_cert_chain(*Authority.in_folder(tmp_path).issue("stranger.test"))
    changes = {6: {"client.proxy.connect.http.tls": {"enabled": True, "insecure_skip_verify": True}}}

    with misconfigured(centrifugo_bin, "tls-unverified", changes, tls=stranger) as (front, proxy):
        entered = await bare_connect(front.websocket, with_ticket("u-1"))

    assert "connect" in entered
    assert len(proxy.headers) == 1


async def test_a_message_above_the_services_limit_is_a_temporary_error_each_time(
    centrifugo_bin: Path, http_stack: Stack
) -> None:
    major = centrifugo.layout(centrifugo_bin)
    option = {6: "websocket.message_size_limit", 5: "websocket_message_size_limit"}[major]
    config = changed(copy.deepcopy(http_stack.config), {option: 262_144})
    large = {"data": {"token": http_stack.tickets.issue(), "padding": "x" * 100_000}}

    with centrifugo.running(centrifugo_bin, config, **guard_of(centrifugo_bin, http_stack.service.variables)) as front:
        answers = [await bare_connect(front.websocket, large) for _ in range(2)]

    assert "message-size" in [each.id for each in findings_in(config, major=major)]
    refused = {"code": 100, "message": "internal server error", "temporary": True}
    assert [answer["error"] for answer in answers] == [refused, refused]


async def test_a_client_without_a_jwt_never_reconnects_after_error_109_for_a_refused_ticket(
    centrifugo_bin: Path, http_stack: Stack
) -> None:
    major = centrifugo.layout(centrifugo_bin)
    option = {6: "client.proxy.connect.http.status_to_code_transforms", 5: "proxy_http_status_code_transforms"}[major]
    expired = {"status_code": 401, "to_error": {"code": 109, "message": "token expired", "temporary": True}}
    config = changed(copy.deepcopy(http_stack.config), {option: [expired]})
    refused = http_stack.tickets.issue_for(aborts(grpc.StatusCode.NOT_FOUND))

    with centrifugo.running(centrifugo_bin, config, **guard_of(centrifugo_bin, http_stack.service.variables)) as front:
        async with sdk_client(front.websocket, one_after_another(refused)) as client:
            await until(lambda: bool(client.watcher.ended))

    assert client.watcher.ended == [Closed(1, "unauthorized")]
    assert client.watcher.replies()[0]["code"] == 109
    assert "transform-401-terminal" in [each.id for each in findings_in(config, major=major)]
