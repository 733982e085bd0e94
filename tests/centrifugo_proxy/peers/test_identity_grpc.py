"""The channel to identity: TLS, several addresses, and an identity that stops and returns."""

import asyncio
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import pytest

from tests.harness.certificates import Authority, needs_openssl
from tests.harness.environment import service_settings_from
from tests.harness.identity import IdentityStub, hanging, identity_stub
from tests.harness.service import Service, service
from tests.harness.waiting import until


async def accepted(running: Service) -> bool:
    return (await running.connect()).status_code == 200


async def test_the_service_recovers_within_two_seconds_of_identitys_return(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        assert await accepted(running)
        await identity.stop()
        # After these three seconds of failures, gRPC's default backoff would be longer than two seconds.
        for _ in range(30):
            assert not await accepted(running)
            await asyncio.sleep(0.1)
        await identity.start()

        await until(lambda: accepted(running), within_s=2)


async def test_a_service_that_started_before_identity_finds_it_within_two_seconds(identity: IdentityStub) -> None:
    await identity.stop()

    async with service(identity.address) as running:
        assert not await accepted(running)
        await identity.start()

        await until(lambda: accepted(running), within_s=2)


async def test_an_interrupted_call_is_not_retried(identity: IdentityStub) -> None:
    reached = asyncio.Event()

    identity.script = hanging(reached)

    async with service(identity.address) as running:
        connect = asyncio.create_task(running.connect("a-ticket"))
        await reached.wait()
        await identity.stop()
        await identity.start()
        response = await connect

    assert response.status_code == 503
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


async def test_calls_go_to_several_addresses_in_turn(identity: IdentityStub) -> None:
    async with identity_stub() as other, service(f"ipv4:{identity.address},{other.address}") as running:

        async def both_were_called() -> bool:
            await running.connect()
            return bool(identity.calls and other.calls)

        await until(both_were_called, within_s=2)
        before = (len(identity.calls), len(other.calls))
        for _ in range(10):
            await running.connect()
        after = (len(identity.calls), len(other.calls))

    assert [now - then for now, then in zip(after, before, strict=True)] == [5, 5]


async def test_all_calls_go_to_the_remaining_address_after_the_other_has_failed(identity: IdentityStub) -> None:
    async with identity_stub() as other, service(f"ipv4:{identity.address},{other.address}") as running:
        await until(lambda: accepted(running), within_s=2)
        await other.stop()
        await until(lambda: accepted(running), within_s=2)
        statuses = [(await running.connect()).status_code for _ in range(10)]

    assert statuses == [200] * 10


async def test_a_call_to_identity_is_counted_by_its_status_and_its_duration_is_measured(identity: IdentityStub) -> None:
    samples = ['realtime_identity_calls_total{code="OK"}', "realtime_identity_call_duration_seconds_count"]

    async with service(identity.address) as running:
        before = [await running.metric(sample) for sample in samples]
        await running.connect()
        after = [await running.metric(sample) for sample in samples]

    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]


def tls(**variables: Any) -> dict[str, Any]:
    """The settings of a TLS channel with these variables."""
    return service_settings_from(IDENTITY_VALIDATE_NEGOTIATION_TYPE="tls", **variables)


@pytest.mark.processes
@needs_openssl
async def test_identity_can_be_called_over_tls(authority: Authority) -> None:
    settings = tls(IDENTITY_TLS_CA_FILE=str(authority.ca))

    async with (
        identity_stub(authority.server_credentials("localhost")) as identity,
        service(f"localhost:{identity.port}", **settings) as running,
    ):
        response = await running.connect("a-ticket")

    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


@pytest.mark.processes
@needs_openssl
async def test_a_certificate_for_another_name_is_accepted_only_if_that_name_is_configured(authority: Authority) -> None:
    expected = tls(IDENTITY_TLS_CA_FILE=str(authority.ca), IDENTITY_TLS_SERVER_NAME="identity.internal")
    unexpected = tls(IDENTITY_TLS_CA_FILE=str(authority.ca))

    async with identity_stub(authority.server_credentials("identity.internal")) as identity:
        async with service(identity.address, **expected) as running:
            under_its_name = await running.connect()
        async with service(identity.address, **unexpected) as running:
            under_another = await running.connect()

    assert (under_its_name.status_code, under_another.status_code) == (200, 503)


@pytest.mark.processes
@needs_openssl
async def test_a_certificate_of_an_unknown_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.in_folder(tmp_path)
    settings = tls(IDENTITY_TLS_CA_FILE=str(authority.ca))

    async with (
        identity_stub(stranger.server_credentials("localhost")) as identity,
        service(f"localhost:{identity.port}", **settings) as running,
    ):
        response = await running.connect()

    assert response.status_code == 503
    assert identity.calls == []


@pytest.mark.processes
@needs_openssl
async def test_tls_files_with_a_byte_order_mark_and_windows_line_ends_are_accepted(
    authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("windows")
    names = {
        "IDENTITY_TLS_CA_FILE": authority.ca,
        "IDENTITY_TLS_CERT_FILE": certificate,
        "IDENTITY_TLS_KEY_FILE": key,
    }
    for name, source in names.items():
        (tmp_path / name).write_bytes(BOM_UTF8 + source.read_bytes().replace(b"\n", b"\r\n"))
    files = {name: str(tmp_path / name) for name in names}

    async with (
        identity_stub(authority.server_credentials("localhost", ask_client=True)) as identity,
        service(f"localhost:{identity.port}", **tls(**files)) as running,
    ):
        response = await running.connect()

    assert response.status_code == 200


@pytest.mark.processes
@needs_openssl
async def test_a_client_certificate_is_sent_to_an_identity_that_requires_one(authority: Authority) -> None:
    certificate, key = authority.issue("realtime")
    bare = {"IDENTITY_TLS_CA_FILE": str(authority.ca)}
    pair = {"IDENTITY_TLS_CERT_FILE": str(certificate), "IDENTITY_TLS_KEY_FILE": str(key)}

    async with identity_stub(authority.server_credentials("localhost", ask_client=True)) as identity:
        async with service(f"localhost:{identity.port}", **tls(**bare, **pair)) as running:
            with_certificate = await running.connect()
        async with service(f"localhost:{identity.port}", **tls(**bare)) as running:
            without = await running.connect()

    assert (with_certificate.status_code, without.status_code) == (200, 503)


@needs_openssl
@pytest.mark.processes
async def test_no_ticket_is_sent_to_a_server_without_tls(identity: IdentityStub, authority: Authority) -> None:
    settings = tls(IDENTITY_TLS_CA_FILE=str(authority.ca))

    async with service(identity.address, **settings) as running:
        response = await running.connect()

    assert response.status_code == 503
    assert identity.calls == []
