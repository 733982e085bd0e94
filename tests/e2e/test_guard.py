"""Only a Centrifugo with the guard's token can connect clients."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import bare_connect, with_ticket
from tests.e2e.stack import Stack, config_for, guard_of
from tests.harness import centrifugo

REFUSED = {"id": 1, "error": {"code": 100, "message": "internal server error", "temporary": True}}
HEADER = "X-Centrifugo-Proxy-Token"


@pytest.fixture
def token(http_stack: Stack) -> str:
    return http_stack.service.variables["CENTRIFUGO_PROXY_TOKEN"]


async def test_a_centrifugo_without_the_token_admits_no_client(centrifugo_bin: Path, http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()

    with centrifugo.running(centrifugo_bin, config_without_token(centrifugo_bin, http_stack)) as front:
        answer = await bare_connect(front.websocket, with_ticket(ticket))

    assert answer == REFUSED
    assert http_stack.tickets.asked(ticket) == 0


async def test_a_centrifugo_with_another_token_admits_no_client(centrifugo_bin: Path, http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()
    other = guard_of(centrifugo_bin, {"CENTRIFUGO_PROXY_TOKEN": "another"})

    with centrifugo.running(centrifugo_bin, http_stack.config, **other) as front:
        answer = await bare_connect(front.websocket, with_ticket(ticket))

    assert answer == REFUSED
    assert http_stack.tickets.asked(ticket) == 0


async def test_a_client_cannot_send_the_token_itself(centrifugo_bin: Path, http_stack: Stack, token: str) -> None:
    ticket = http_stack.tickets.issue()

    with centrifugo.running(centrifugo_bin, config_without_token(centrifugo_bin, http_stack)) as front:
        answer = await bare_connect(front.websocket, *forging(ticket, token))

    assert answer == REFUSED
    assert http_stack.tickets.asked(ticket) == 0


async def test_a_clients_forged_header_does_not_replace_the_header_of_centrifugo(http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()

    answer = await bare_connect(http_stack.url, *forging(ticket, "forged"))

    assert "connect" in answer


def forging(ticket: str, token: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A connect command and a handshake that both have the guard's headers."""
    headers = {HEADER: token, "Authorization": f"Bearer {token}"}
    return {**with_ticket(ticket), "headers": headers}, headers


def config_without_token(binary: Path, stack: Stack) -> dict[str, Any]:
    """The configuration that a service without a token prints."""
    return config_for(binary, stack.service, CENTRIFUGO_PROXY_TOKEN="")
