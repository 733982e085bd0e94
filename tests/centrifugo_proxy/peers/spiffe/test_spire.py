"""Calls to identity with SVIDs from a real SPIRE. Each SVID is valid for 20 s."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from centrifugo_proxy.peers.channel_options import channel_options
from centrifugo_proxy.peers.channels import rolling_channel
from centrifugo_proxy.peers.spiffe.dial import Peer
from centrifugo_proxy.peers.spiffe.rolling import SpiffeSource, open_tunnel
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from tests.harness.channels import Client, Reports, client_on
from tests.harness.paths import ROOT
from tests.harness.spiffe_reports import SpiffeReports
from tests.harness.spire import AGENT, IDENTITY, REALTIME, SERVER, Spire, spire

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("spire"),
    pytest.mark.skipif(
        not (SERVER.exists() and AGENT.exists()),
        reason="SPIRE is not built: make spire (half an hour and more, with Go)",
    ),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spire]:
    with spire(tmp_path_factory.mktemp("spire")) as running:
        yield running


@pytest.fixture(scope="module")
def identity(running: Spire) -> Iterator[str]:
    """The address of an identity service that has an SVID."""
    command = [sys.executable, "-m", "tests.harness.spire_identity", running.socket, IDENTITY]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@asynccontextmanager
async def client_of(running: Spire, target: str, wanted: str, reports: SpiffeReports) -> AsyncIterator[Client]:
    """A client with the service's SVID."""
    source = SvidSource(running.socket, reports, REALTIME)
    async with open_tunnel(source, reports) as tunnel:
        await asyncio.wait_for(source.first.wait(), 60)
        spiffe = SpiffeSource(target, channel_options(3), tunnel, Peer("identity", frozenset({wanted})))
        async with rolling_channel(spiffe, target=target, deadline_s=3, report=Reports()) as channel:
            yield client_on(channel, 3)


async def test_no_call_fails_while_both_sides_renew_their_svids_under_load(running: Spire, identity: str) -> None:
    reports = SpiffeReports()

    async with client_of(running, identity, IDENTITY, reports) as client:
        await client.seconds_until_ok()
        client.ends.clear()
        load = [asyncio.create_task(client.ask_for(60)) for _ in range(8)]
        async with asyncio.timeout(55):
            while len(reports.taken) < 4:
                await asyncio.sleep(0.1)
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)

    assert set(client.ends) == {"OK"}
    assert len({svid.serial for svid in reports.taken}) >= 4


async def test_a_server_with_another_id_is_refused(running: Spire, identity: str) -> None:
    reports = SpiffeReports()

    async with client_of(running, identity, "spiffe://example.org/other", reports) as client:
        ends = await client.ask_for(1)

    assert ends == {"UNAVAILABLE"}
    assert reports.results() == {"wrong_id"}


async def test_calls_succeed_without_the_agent_until_the_svid_expires_and_again_after_the_return_of_the_agent(
    running: Spire, identity: str
) -> None:
    reports = SpiffeReports()

    async with client_of(running, identity, IDENTITY, reports) as client:
        await client.seconds_until_ok()
        running.kill_agent()
        without_agent = await client.ask_for(2)
        async with asyncio.timeout(40):
            while not reports.expired:
                await client.ask_for(0.2)
        expired = await client.ask_for(1)
        running.start_agent()
        back_s = await client.seconds_until_ok(within_s=60)

    assert (without_agent, expired) == ({"OK"}, {"UNAVAILABLE"})
    assert back_s < 60
