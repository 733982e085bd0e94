"""Spec section 3, row by row: through the real application, against a real gRPC server."""

import grpc
import pytest

from tests.harness.identity import IdentityStub, aborts
from tests.harness.service import service

INVALID_TICKET = {"disconnect": {"code": 4401, "reason": "invalid ticket"}}


async def test_a_good_ticket_gets_in_as_its_user(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        response = await running.connect("a-ticket")

    assert response.status_code == 200
    assert response.json()["result"]["user"] == "u-1"
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


@pytest.mark.parametrize("status", ["NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED"])
async def test_a_denial_is_an_invalid_ticket(identity: IdentityStub, status: str) -> None:
    identity.script = aborts(grpc.StatusCode[status])

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
