"""Calls to a peer that stops and returns, moves, or becomes silent.

The servers and the name server are real. The hosts that become silent are raw sockets.
"""

import asyncio
import os
import socket
import time

import grpc
import pytest

from centrifugo_proxy.peers.channel_options import SMALL_MESSAGE_BYTES
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.channels import Reports, client_of
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts, answers, identity_stub
from tests.harness.name_server import name_server
from tests.harness.silence import forwarder_to

pytestmark = pytest.mark.xdist_group("channels")  # these tests mostly wait: one worker runs them all
PROXY_VARIABLES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")
BACK_S = 2.0
# A busy machine may delay the service by this much.
SLACK_S = 1.5


async def test_a_peer_that_refused_connections_is_reached_within_two_seconds_of_its_return(
    identity: IdentityStub,
) -> None:
    await identity.stop()

    async with client_of(identity.address) as client:
        assert await client.ask_for(4) == {"UNAVAILABLE"}
        await identity.start()

        assert await client.seconds_until_ok() < BACK_S + SLACK_S


async def test_a_host_name_that_gets_its_first_address_is_reached_within_two_seconds(identity: IdentityStub) -> None:
    async with name_server() as names, client_of(names.target(identity.port)) as client:
        assert await client.ask_for(5) == {"UNAVAILABLE"}
        names.addresses = ["127.0.0.1"]

        assert await client.seconds_until_ok() < BACK_S + SLACK_S


async def test_a_name_server_that_was_silent_is_used_within_two_seconds_of_its_return(identity: IdentityStub) -> None:
    async with name_server("127.0.0.1") as names, client_of(names.target(identity.port)) as client:
        names.silent = True
        assert "OK" not in await client.ask_for(4)
        names.silent = False

        assert await client.seconds_until_ok() < BACK_S + SLACK_S


async def test_a_peer_that_moved_is_found_within_two_seconds_after_its_old_address_closes(
    identity: IdentityStub,
) -> None:
    async with name_server("127.0.0.1") as names, client_of(names.target(identity.port)) as client:
        assert await client.seconds_until_ok() < 5
        await identity.stop()
        assert "OK" not in await client.ask_for(2)
        async with identity_stub(port=identity.port, host="127.0.0.2") as moved:
            names.addresses = ["127.0.0.2"]
            took_s = await client.seconds_until_ok()

    assert took_s < BACK_S + SLACK_S
    assert len(moved.calls) >= 1


async def test_a_new_address_is_found_while_the_old_one_still_answers(identity: IdentityStub) -> None:
    async with (
        identity_stub(port=identity.port, host="127.0.0.2") as other,
        name_server("127.0.0.1") as names,
        client_of(names.target(identity.port), age_s=0.5) as client,
    ):
        assert await client.seconds_until_ok() < 5
        names.addresses = ["127.0.0.1", "127.0.0.2"]
        async with asyncio.timeout(10):
            while not other.calls:
                await client.ask()

    assert set(client.ends) <= {"OK", "UNAVAILABLE"}
    assert client.ends[-1] == "OK"


async def test_calls_move_from_a_silent_connection_to_a_new_one_within_five_seconds(
    identity: IdentityStub,
) -> None:
    async with forwarder_to(identity.port) as forwarder, client_of(forwarder.address) as client:
        assert await client.seconds_until_ok() < 5
        forwarder.fall_silent(for_new=False)

        assert await client.seconds_until_ok() < 5 + SLACK_S


async def test_a_call_to_a_silent_host_fails_within_five_seconds_even_with_a_longer_deadline(
    identity: IdentityStub,
) -> None:
    async with forwarder_to(identity.port) as forwarder, client_of(forwarder.address, deadline_s=9) as client:
        assert await client.seconds_until_ok() < 5
        forwarder.fall_silent(for_new=False)
        started = time.monotonic()
        lost = await client.ask()
        took_s = time.monotonic() - started

    assert (lost, took_s < 5 + SLACK_S) == ("UNAVAILABLE", True)


async def test_calls_fail_for_at_most_five_seconds_after_one_of_several_hosts_has_become_silent(
    identity: IdentityStub,
) -> None:
    async with (
        forwarder_to(identity.port) as forwarder,
        client_of(f"ipv4:{identity.address},{forwarder.address}", deadline_s=0.5) as client,
    ):
        await client.seconds_until_ok(in_a_row=10)
        forwarder.fall_silent(for_new=True)
        silent_since = last_failure = time.monotonic()
        in_a_row = 0
        while in_a_row < 40 and time.monotonic() - silent_since < 30:
            in_a_row = in_a_row + 1 if await client.ask() == "OK" else 0
            last_failure = last_failure if in_a_row else time.monotonic()

    assert in_a_row == 40
    assert last_failure - silent_since < 5 + 2 * SLACK_S


async def test_a_host_that_was_silent_is_reached_within_two_seconds_of_its_return(identity: IdentityStub) -> None:
    async with forwarder_to(identity.port) as forwarder, client_of(forwarder.address) as client:
        forwarder.fall_silent(for_new=True)
        assert "OK" not in await client.ask_for(4)
        forwarder.silent_for_new = False

        assert await client.seconds_until_ok() < BACK_S + SLACK_S


async def test_calls_in_flight_finish_although_their_channel_is_replaced(identity: IdentityStub) -> None:
    answered = asyncio.Event()

    async def slowly(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        if request.ticket == "slow":
            await answered.wait()
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = slowly
    report = Reports()
    async with (
        forwarder_to(identity.port) as forwarder,
        client_of(f"dns:///localhost:{forwarder.own_port}", 20, age_s=0.5, report=report) as client,
    ):
        under_way = asyncio.ensure_future(client.call(pb.ValidateRequest(ticket="slow")))
        async with asyncio.timeout(10):
            while len(report.replaced) < 2:
                await client.ask()
                await asyncio.sleep(0.02)
        answered.set()
        response = await under_way

    assert response.success.user_id == "u-1"
    assert set(client.ends) == {"OK"}
    assert forwarder.connections >= 3  # each channel opens its own connection


@pytest.mark.parametrize("name", [*PROXY_VARIABLES, *(name.upper() for name in PROXY_VARIABLES)])
async def test_the_usual_proxy_variables_of_the_environment_are_ignored(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with client_of(f"localhost:{identity.port}") as client:
        assert await client.ask() == "OK"


async def test_grpcs_address_proxy_variables_are_ignored(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPC_ADDRESS_HTTP_PROXY", "127.0.0.1:1")
    monkeypatch.setenv("GRPC_ADDRESS_HTTP_PROXY_ENABLED_ADDRESSES", "0.0.0.0/0,::/0")

    async with client_of(f"localhost:{identity.port}") as client:
        assert await client.ask() == "OK"


@pytest.mark.parametrize("status", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE])
@pytest.mark.parametrize("details", ["d" * 65536, "д" * 32768], ids=["ascii", "percent-encoded"])
async def test_64_kib_of_status_details_do_not_change_the_status(
    identity: IdentityStub, status: grpc.StatusCode, details: str
) -> None:
    identity.script = aborts(status, details)

    async with client_of(identity.address) as client:
        assert await client.ask() == status.name


async def test_64_kib_of_metadata_and_trailers_are_accepted(identity: IdentityStub) -> None:
    async def verbose(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await context.send_initial_metadata((("x-much", "m" * 65536),))
        context.set_trailing_metadata((("x-more", "t" * 65536),))
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = verbose
    async with client_of(identity.address) as client:
        assert await client.ask() == "OK"


@pytest.mark.parametrize(
    ("user_bytes", "end"), [(SMALL_MESSAGE_BYTES // 2, "OK"), (SMALL_MESSAGE_BYTES, "RESOURCE_EXHAUSTED")]
)
async def test_a_response_above_a_mebibyte_is_a_fault(identity: IdentityStub, user_bytes: int, end: str) -> None:
    identity.script = answers(pb.ValidateResponse(success=pb.Success(user_id="u" * user_bytes)))

    async with client_of(identity.address, deadline_s=10, response_bytes=SMALL_MESSAGE_BYTES) as client:
        assert await client.ask() == end


async def test_no_connection_and_no_task_of_a_replaced_or_closed_channel_remains(identity: IdentityStub) -> None:
    tasks, before = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))

    async with client_of(f"localhost:{identity.port}", 3, age_s=0.2) as client:
        await client.ask_for(3)

    async with asyncio.timeout(10):
        while len(os.listdir("/proc/self/fd")) > before + 4 or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.05)
    assert set(client.ends) == {"OK"}


async def test_a_call_to_a_port_that_accepts_connections_but_sends_nothing_ends_by_its_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with client_of(f"127.0.0.1:{listener.getsockname()[1]}", deadline_s=0.5) as client:
            started = time.monotonic()
            end = await client.ask()

    assert end in {"DEADLINE_EXCEEDED", "UNAVAILABLE"}
    assert time.monotonic() - started < 0.5 + SLACK_S
