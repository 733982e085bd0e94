"""Calls to identity through the tunnel while SVIDs and bundles change or expire, and calls to wrong servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from centrifugo_proxy.peers.channel_options import channel_options
from centrifugo_proxy.peers.channels import rolling_channel
from centrifugo_proxy.peers.rollover import Reason
from centrifugo_proxy.peers.spiffe.dial import Dialler, Peer
from centrifugo_proxy.peers.spiffe.rolling import SpiffeSource, open_tunnel
from centrifugo_proxy.peers.spiffe.tunnel import Tunnel
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from proto.spiffe.workload_api_pb2 import X509SVIDResponse
from tests.harness.channels import Client, Reports, client_on
from tests.harness.identity import identity_stub
from tests.harness.spiffe import IDENTITY, OTHER, US, TrustDomain, WorkloadApi, workload_api
from tests.harness.spiffe_reports import SpiffeReports

pytestmark = pytest.mark.xdist_group("rolling")  # these tests mostly wait: one worker runs them all
DOMAIN = TrustDomain()


@asynccontextmanager
async def spiffe_client(
    api: WorkloadApi, target: str, reports: SpiffeReports, rolled: Reports, wanted: str = IDENTITY
) -> AsyncIterator[Client]:
    """A client that calls `target` with the SVID of this Workload API."""
    source = SvidSource(api.socket, reports)
    async with open_tunnel(source, reports) as tunnel:
        await asyncio.wait_for(source.first.wait(), 20)
        spiffe = SpiffeSource(target, channel_options(2), tunnel, Peer("identity", frozenset({wanted})))
        async with rolling_channel(spiffe, target=target, deadline_s=2, report=rolled) as channel:
            yield client_on(channel, 2)


def fresh(life_s: float = 3600) -> X509SVIDResponse:
    """An answer with a new SVID."""
    return DOMAIN.response(US, DOMAIN.issue(US, life_s=life_s))


async def test_no_call_fails_during_five_svid_rotations_under_load_and_each_rotation_opens_a_new_connection(
    tmp_path: Path,
) -> None:
    reports, rolled = SpiffeReports(), Reports()

    async with (
        workload_api(tmp_path / "s", fresh()) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as identity,
        spiffe_client(api, identity.address, reports, rolled) as client,
    ):
        await client.seconds_until_ok()
        client.ends.clear()
        load = [asyncio.create_task(client.ask_for(30)) for _ in range(8)]
        for rotation in range(5):
            api.give(fresh())
            async with asyncio.timeout(20):
                while len(rolled.replaced) <= rotation:
                    await asyncio.sleep(0.02)
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)

    assert set(client.ends) == {"OK"}
    assert rolled.replaced == [Reason.CREDENTIALS] * 5
    assert [result for _, result, _ in reports.dials].count("ok") >= 6


@pytest.mark.parametrize("wanted", [OTHER, IDENTITY])
async def test_a_server_with_a_wrong_id_gets_no_call(tmp_path: Path, wanted: str) -> None:
    reports = SpiffeReports()
    served = DOMAIN.issue(IDENTITY if wanted is OTHER else OTHER)

    async with (
        workload_api(tmp_path / "s", fresh()) as api,
        identity_stub(DOMAIN.server_credentials(served)) as identity,
        spiffe_client(api, identity.address, reports, Reports(), wanted) as client,
    ):
        ends = await client.ask_for(1)

    assert ends == {"UNAVAILABLE"}
    assert identity.calls == []
    assert reports.results() == {"wrong_id"}


async def test_a_server_that_refuses_our_svid_is_unavailable_and_its_refusal_is_reported(tmp_path: Path) -> None:
    reports = SpiffeReports()
    strangers = TrustDomain()

    async with (
        workload_api(tmp_path / "s", fresh()) as api,
        identity_stub(strangers.server_credentials(DOMAIN.issue(IDENTITY))) as identity,
        spiffe_client(api, identity.address, reports, Reports()) as client,
    ):
        ends = await client.ask_for(1)

    assert "OK" not in ends
    assert reports.early[:1] == ["identity"]


async def test_calls_succeed_without_the_agent_until_the_svid_expires_and_again_after_the_return_of_the_agent(
    tmp_path: Path,
) -> None:
    reports = SpiffeReports()

    async with (
        workload_api(tmp_path / "s", fresh(life_s=5)) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as identity,
        spiffe_client(api, identity.address, reports, Reports()) as client,
    ):
        await client.seconds_until_ok()
        await api.stop()
        without_agent = await client.ask()
        async with asyncio.timeout(20):
            while not reports.expired:
                await client.ask_for(0.1)
        expired = await client.ask_for(1)
        api.give(fresh())
        await api.start()
        back_s = await client.seconds_until_ok()

    assert (without_agent, expired) == ("OK", {"UNAVAILABLE"})
    assert "no_svid" in reports.results()
    assert back_s < 10
    assert len(reports.expired) == 1


async def test_a_server_of_the_old_authority_is_refused_after_a_new_bundle(tmp_path: Path) -> None:
    reports, rolled = SpiffeReports(), Reports()
    successor = TrustDomain()
    leaf = DOMAIN.issue(US)
    with_successor = successor.response(US, successor.issue(US))
    with_successor.svids[0].x509_svid, with_successor.svids[0].x509_svid_key = leaf.der, leaf.key_der

    async with (
        workload_api(tmp_path / "s", DOMAIN.response(US, leaf)) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as identity,
        spiffe_client(api, identity.address, reports, rolled) as client,
    ):
        await client.seconds_until_ok()
        api.give(with_successor)
        async with asyncio.timeout(20):
            while not rolled.replaced:
                await asyncio.sleep(0.02)
        ends = await client.ask_for(1)

    assert ends == {"UNAVAILABLE"}
    assert "bad_certificate" in reports.results()


@pytest.mark.parametrize("target", ["unix:/run/identity.sock", "unix-abstract:identity", "xds:///identity"])
def test_a_target_that_would_be_reached_in_plaintext_is_refused(target: str) -> None:
    source = SvidSource("unix:///nowhere", SpiffeReports())
    tunnel = Tunnel(source, SpiffeReports(), Dialler(source))

    with pytest.raises(ValueError, match="cannot go through the tunnel"):
        SpiffeSource(target, channel_options(1), tunnel, Peer("identity", frozenset({IDENTITY})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_proxy", "*"),
        ("NO_PROXY", "*"),
        ("no_grpc_proxy", "*"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("GRPC_ADDRESS_HTTP_PROXY", "127.0.0.1:1"),
        ("GRPC_ADDRESS_HTTP_PROXY_ENABLED_ADDRESSES", "192.0.2.0/24"),
    ],
)
async def test_proxy_variables_do_not_make_a_call_bypass_the_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    reports = SpiffeReports()

    async with (
        workload_api(tmp_path / "s", fresh()) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as identity,
        spiffe_client(api, f"localhost:{identity.port}", reports, Reports()) as client,
    ):
        end = await client.ask()

    assert (end, "ok" in reports.results()) == ("OK", True)
