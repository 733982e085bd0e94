"""The service with SPIFFE: settings, health, metrics, and the answers to clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from common.timestamps import rfc3339
from tests.harness.environment import service_settings_from
from tests.harness.identity import IdentityStub, identity_stub
from tests.harness.service import Service, service
from tests.harness.spiffe import IDENTITY, OTHER, US, TrustDomain, workload_api

DOMAIN = TrustDomain()


def settings(socket: str, identity: str = IDENTITY, **more: str) -> dict[str, Any]:
    """The settings of a service that reaches identity by its SPIFFE ID."""
    return service_settings_from(
        IDENTITY_VALIDATE_NEGOTIATION_TYPE="spiffe", SPIFFE_ENDPOINT_SOCKET=socket, IDENTITY_SPIFFE_ID=identity, **more
    )


@asynccontextmanager
async def spiffe_service(folder: Path, identity: str = IDENTITY) -> AsyncIterator[tuple[Service, IdentityStub]]:
    """A service with an agent, and an identity service whose ID is IDENTITY. The service expects the ID `identity`."""
    async with (
        workload_api(folder / "s", DOMAIN.response(US, DOMAIN.issue(US))) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as stub,
        service(stub.address, **settings(api.socket, identity)) as running,
    ):
        yield running, stub


async def test_a_ticket_is_redeemed_if_the_identity_service_has_the_expected_id(tmp_path: Path) -> None:
    async with spiffe_service(tmp_path) as (running, stub):
        response = await running.connect("a-ticket")
        health = (await running.http.get("/health")).json()["spiffe"]
        expiry = await running.metric("realtime_svid_expiry_timestamp_seconds")
        connected = await running.metric("realtime_spiffe_agent_connected")
        dials = await running.metric('realtime_tls_dials_total{peer="identity",result="ok"}')

    assert (response.status_code, connected, dials >= 1) == (200, 1, True)
    assert [call.ticket for call in stub.calls] == ["a-ticket"]
    assert health == {"id": US, "expires": rfc3339(expiry), "agent": "connected", "rotations": 0}


async def test_no_ticket_is_sent_to_an_identity_service_with_another_id(tmp_path: Path) -> None:
    async with spiffe_service(tmp_path, OTHER) as (running, stub):
        response = await running.connect("a-ticket")
        wrong = await running.metric('realtime_tls_dials_total{peer="identity",result="wrong_id"}')

    assert (response.status_code, stub.calls) == (503, [])
    assert wrong >= 1


async def test_without_an_agent_the_service_is_ready_and_health_shows_that_the_agent_is_unreachable(
    tmp_path: Path,
) -> None:
    more = settings(f"unix://{tmp_path / 'nowhere'}", SPIFFE_STARTUP_WAIT_S="0")

    async with service("127.0.0.1:1", **more) as running:
        response = await running.connect()
        ready = await running.http.get("/health/ready")
        health = (await running.http.get("/health")).json()["spiffe"]

    assert (response.status_code, ready.status_code) == (503, 200)
    assert health == {"id": None, "expires": None, "agent": "unreachable", "rotations": 0}


async def test_without_a_required_svid_the_start_fails_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    required = settings(f"unix://{tmp_path / 'nowhere'}", SPIFFE_STARTUP_WAIT_S="0", SPIFFE_STARTUP="require")

    with pytest.raises(AssertionError, match="No usable SVID arrived within 0 s"):
        async with service("127.0.0.1:1", **required):
            pass

    assert [record for record in caplog.records if record.exc_info] == []


async def test_no_key_and_no_secret_of_the_tunnel_is_in_the_logs_or_in_health_or_in_the_metrics(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    leaf = DOMAIN.issue(US)

    async with (
        workload_api(tmp_path / "s", DOMAIN.response(US, leaf)) as api,
        identity_stub(DOMAIN.server_credentials(DOMAIN.issue(IDENTITY))) as stub,
        service(stub.address, **settings(api.socket)) as running,
    ):
        await running.connect()
        shown = (await running.http.get("/health")).text + (await running.http.get("/metrics")).text + caplog.text

    assert "SVID taken" in shown
    for secret in ("x-tunnel", leaf.key_der.hex(), repr(leaf.key_der), leaf.pem_pair()[0].decode().splitlines()[1]):
        assert secret not in shown


async def test_without_spiffe_health_has_no_field_about_spiffe() -> None:
    async with service() as running:
        health = (await running.http.get("/health")).json()

    assert "spiffe" not in health
