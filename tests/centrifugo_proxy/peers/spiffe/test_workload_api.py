"""The stream of the Workload API, against a real gRPC server on a unix socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest

from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from tests.harness.spiffe import OTHER, US, TrustDomain, workload_api
from tests.harness.spiffe_reports import SpiffeReports
from tests.harness.waiting import until

DOMAIN = TrustDomain()


@asynccontextmanager
async def following(socket: str, reports: SpiffeReports) -> AsyncIterator[SvidSource]:
    """A source that reads the Workload API."""
    source = SvidSource(socket, reports)
    task = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_each_new_answer_is_used_and_the_stream_has_the_security_header(tmp_path: Path) -> None:
    first, second = (DOMAIN.response(US, DOMAIN.issue(US)) for _ in range(2))
    reports = SpiffeReports()

    async with workload_api(tmp_path / "s", first) as api, following(api.socket, reports) as source:
        await asyncio.wait_for(source.first.wait(), 20)
        api.give(second)
        await until(lambda: source.generation == 2)

    assert [svid.chain_der[0] for svid in reports.taken] == [first.svids[0].x509_svid, second.svids[0].x509_svid]
    assert (api.streams, api.unmarked) == (1, 0)
    assert reports.agent[0] == (True, "OK")


async def test_a_repeated_answer_is_not_a_new_svid(tmp_path: Path) -> None:
    response = DOMAIN.response(US, DOMAIN.issue(US))
    reports = SpiffeReports()

    async with workload_api(tmp_path / "s", response) as api, following(api.socket, reports) as source:
        await asyncio.wait_for(source.first.wait(), 20)
        await api.stop()
        await api.start()
        await until(lambda: api.streams == 2 and reports.agent[-1] == (True, "OK"))

    assert source.generation == 1


async def test_an_answer_that_cannot_be_parsed_is_refused_and_the_next_one_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = DOMAIN.response(US, DOMAIN.issue(US))
    reports = SpiffeReports()

    async with workload_api(tmp_path / "s", good) as api, following(api.socket, reports) as source:
        await asyncio.wait_for(source.first.wait(), 20)
        api.give(b"\xff\xff")
        await until(lambda: reports.refused)
        api.give(DOMAIN.response(US, DOMAIN.issue(US)))
        await until(lambda: source.generation == 2)

    assert (reports.refused, api.streams) == (["the answer is not an X509SVIDResponse"], 1)
    assert caplog.records == []


async def test_after_an_invalid_answer_the_previous_svid_stays_in_use(tmp_path: Path) -> None:
    reports = SpiffeReports()

    async with (
        workload_api(tmp_path / "s", DOMAIN.response(US, DOMAIN.issue(US))) as api,
        following(api.socket, reports) as source,
    ):
        await asyncio.wait_for(source.first.wait(), 20)
        api.give(DOMAIN.response(OTHER, DOMAIN.issue(US)))
        await until(lambda: reports.refused)

    assert (source.generation, source.svid) == (1, reports.taken[0])


async def test_an_agent_that_starts_late_or_denies_at_first_is_called_again(tmp_path: Path) -> None:
    reports = SpiffeReports()

    async with following(f"unix://{tmp_path / 's'}", reports) as source:
        await until(lambda: reports.agent)
        async with workload_api(tmp_path / "s") as api:
            await until(lambda: (False, "PERMISSION_DENIED") in reports.agent)
            api.give(DOMAIN.response(US, DOMAIN.issue(US)))
            await asyncio.wait_for(source.first.wait(), 20)

    assert reports.agent[0] == (False, "UNAVAILABLE")


async def test_the_svid_stays_in_use_after_a_denial_and_after_the_loss_of_the_agent(tmp_path: Path) -> None:
    reports = SpiffeReports()

    async with (
        workload_api(tmp_path / "s", DOMAIN.response(US, DOMAIN.issue(US))) as api,
        following(api.socket, reports) as source,
    ):
        await asyncio.wait_for(source.first.wait(), 20)
        api.give(None)
        await until(lambda: (False, "PERMISSION_DENIED") in reports.agent)
        await api.stop()
        await until(lambda: (False, "UNAVAILABLE") in reports.agent)

        assert source.current() is source.svid


async def test_after_an_invalid_argument_status_the_agent_is_not_called_again_at_once(tmp_path: Path) -> None:
    reports = SpiffeReports()

    async with workload_api(tmp_path / "s") as api:
        api.denial = grpc.StatusCode.INVALID_ARGUMENT
        async with following(api.socket, reports):
            await until(lambda: reports.agent)
            await asyncio.sleep(0.5)

    assert api.streams == 1


def test_an_svid_is_not_used_after_its_expiry_and_the_expiry_is_reported_once() -> None:
    now = [0.0]
    reports = SpiffeReports()
    source = SvidSource("unix:///nowhere", reports, wall_clock=lambda: now[0])
    source.take(DOMAIN.response(US, DOMAIN.issue(US)))
    assert source.svid is not None

    before = (source.current() is source.svid, source.expired())
    now[0] = source.svid.not_after
    after = (source.current(), source.expired(), source.expired())
    source.take(DOMAIN.response(US, DOMAIN.issue(US, life_s=7200)))

    assert (before, after) == ((True, False), (None, True, False))
    assert (source.current() is source.svid, source.expired()) == (True, False)
    assert len(reports.expired) == 1
