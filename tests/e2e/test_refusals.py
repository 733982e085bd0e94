"""The answer to a refused client in each response mode, and whether the SDK reconnects."""

import asyncio
from typing import Any

import grpc
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import Closed, SdkClient, bare_connect, sdk_client, with_ticket
from tests.e2e.stack import Stack
from tests.harness.identity import DOWN, Script, aborts, answers, success
from tests.harness.waiting import until

SEVERAL_ATTEMPTS = 4
LONGER_THAN_THE_FIRST_BACKOFF_S = 0.5

TICKET_REFUSED = Closed(4401, "invalid ticket")
TRY_AGAIN = {"error": {"code": 100, "message": "internal server error", "temporary": True}}

NOT_FOUND = aborts(grpc.StatusCode.NOT_FOUND)
SUSPENDED = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4502, reason="account suspended")))
MOVED = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4200, reason="sign in again")))
ERROR = answers(pb.ValidateResponse(error=pb.Error(code=1, message="database down")))
BROKEN = aborts(grpc.StatusCode.INTERNAL)
NO_USER = success(user_id="")
PAST = success(expire_at=1_700_000_000)

# Each row: identity's answer; the client's close code and reason, or its error; whether the SDK reconnects.
IN_MODE_HTTP = [
    pytest.param(NOT_FOUND, TICKET_REFUSED, True, id="an unknown ticket"),
    pytest.param(SUSPENDED, TICKET_REFUSED, True, id="a suspended account"),
    pytest.param(MOVED, TICKET_REFUSED, True, id="a user who must sign in again"),
    pytest.param(ERROR, TRY_AGAIN, True, id="an error of identity"),
    pytest.param(DOWN, TRY_AGAIN, True, id="identity is down"),
    pytest.param(BROKEN, TRY_AGAIN, True, id="a broken identity"),
    pytest.param(NO_USER, TRY_AGAIN, True, id="a ticket without a user"),
    pytest.param(PAST, TRY_AGAIN, True, id="a session that has ended"),
]
NOT_NOW = Closed(4103, "ticket validation temporarily unavailable")
OUR_ERROR = {"error": {"code": 100, "message": "internal error", "temporary": True}}
IN_MODE_ENVELOPE = [
    pytest.param(NOT_FOUND, Closed(4401, "invalid ticket"), True, id="an unknown ticket"),
    pytest.param(SUSPENDED, Closed(4502, "account suspended"), False, id="a suspended account"),
    pytest.param(MOVED, Closed(4200, "sign in again"), True, id="a user who must sign in again"),
    pytest.param(ERROR, NOT_NOW, True, id="an error of identity"),
    pytest.param(DOWN, NOT_NOW, True, id="identity is down"),
    pytest.param(BROKEN, OUR_ERROR, True, id="a broken identity"),
    pytest.param(NO_USER, OUR_ERROR, True, id="a ticket without a user"),
    pytest.param(PAST, OUR_ERROR, True, id="a session that has ended"),
]


@pytest.mark.parametrize(("script", "expected", "again"), IN_MODE_HTTP)
async def test_in_mode_http_each_refusal_has_the_expected_answer(
    http_stack: Stack, script: Script, expected: Any, again: bool
) -> None:
    assert await answer_to(http_stack, script) == expected

    assert await sdk_tries_again(http_stack, script, expected) is again


@pytest.mark.parametrize(("script", "expected", "again"), IN_MODE_ENVELOPE)
async def test_in_mode_envelope_each_refusal_has_the_expected_answer(
    envelope_stack: Stack, script: Script, expected: Any, again: bool
) -> None:
    assert await answer_to(envelope_stack, script) == expected

    assert await sdk_tries_again(envelope_stack, script, expected) is again


@pytest.mark.parametrize(
    "data",
    [None, {}, {"token": ""}, {"token": 7}, {"token": "x" * 4097}, ["token"], "token"],
    ids=["no data", "no token", "empty", "a number", "too long", "a list", "a string"],
)
async def test_a_client_without_a_ticket_is_refused_without_a_call_to_identity(http_stack: Stack, data: Any) -> None:
    asked = http_stack.tickets.asked_about_others()

    answer = await bare_connect(http_stack.url, {} if data is None else {"data": data})

    assert answer == TICKET_REFUSED
    assert http_stack.tickets.asked_about_others() == asked


async def test_a_client_that_sends_its_ticket_as_a_jwt_is_refused(http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()

    answer = await bare_connect(http_stack.url, {"token": ticket})

    assert answer == Closed(3500, "invalid token")
    assert http_stack.tickets.asked(ticket) == 0


async def answer_to(stack: Stack, script: Script) -> Any:
    """The answer to a client without the SDK: a disconnect, or a reply with its id removed."""
    ticket = stack.tickets.issue_for(script)
    answer = await bare_connect(stack.url, with_ticket(ticket))
    assert stack.tickets.asked(ticket) == 1
    if isinstance(answer, dict):
        assert answer.pop("id") == 1
    return answer


async def sdk_tries_again(stack: Stack, script: Script, expected: Any) -> bool:
    """True if the SDK, with fresh tickets, tries again after its first attempt."""
    tickets: list[str] = []

    def fresh() -> str:
        tickets.append(stack.tickets.issue_for(script))
        return tickets[-1]

    async with sdk_client(stack.url, fresh) as client:
        await until(lambda: bool(client.watcher.ended) or client.attempts >= SEVERAL_ATTEMPTS)
        await asyncio.sleep(LONGER_THAN_THE_FIRST_BACKOFF_S if client.watcher.ended else 0)
        again = not client.watcher.ended
        assert_client_receives(client, expected, again)
    assert len(tickets) - 1 <= stack.tickets.asked(*tickets) <= len(tickets)
    return again


def assert_client_receives(client: SdkClient, expected: Any, again: bool) -> None:
    """The events that the application receives: the end, or errors. The SDK hides closes after which it reconnects."""
    assert client.watcher.connections == []
    if not again:
        assert client.watcher.ended == [expected]
        assert client.attempts == 1
    elif isinstance(expected, dict):
        assert client.watcher.replies() == [expected["error"]] * len(client.watcher.errors)
