"""A user with a valid ticket connects: with JSON or Protobuf over WebSocket, over SSE, and over HTTP streaming."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import (
    Closed,
    bare_connect,
    connect_over_http_stream,
    connect_over_sse,
    one_after_another,
    sdk_client,
    with_ticket,
)
from tests.e2e.stack import Stack, guard_of
from tests.harness import centrifugo
from tests.harness.waiting import until

Transport = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
over_each_stream = pytest.mark.parametrize("over", [connect_over_sse, connect_over_http_stream])


async def test_a_valid_ticket_connects_its_user(http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue("u-7")

    async with sdk_client(http_stack.url, one_after_another(ticket)) as client:
        await until(lambda: client.connected)
        users = set(await client.who_is_in())

    assert users == {"u-7"}
    assert http_stack.tickets.asked(ticket) == 1


async def test_a_used_ticket_is_refused(http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()
    first = await bare_connect(http_stack.url, with_ticket(ticket))

    again = await bare_connect(http_stack.url, with_ticket(ticket))

    assert "connect" in first
    assert again == Closed(4401, "invalid ticket")
    assert http_stack.tickets.asked(ticket) == 2


async def test_a_client_with_protobuf_connects(http_stack: Stack) -> None:
    ticket = http_stack.tickets.issue()

    async with sdk_client(http_stack.url, one_after_another(ticket), use_protobuf=True) as client:
        await until(lambda: client.connected)

    assert http_stack.tickets.asked(ticket) == 1


@pytest.mark.parametrize("use_protobuf", [False, True])
async def test_a_client_connects_when_centrifugo_sends_b64data(
    centrifugo_bin: Path, http_stack: Stack, use_protobuf: bool
) -> None:
    ticket = http_stack.tickets.issue("u-8")
    binary: centrifugo.Config = {"proxy_binary_encoding": True}
    if centrifugo.layout(centrifugo_bin) == 6:
        binary = {"client": {"proxy": {"connect": {"binary_encoding": True}}}}
    config = centrifugo.merged(http_stack.config, binary)

    with centrifugo.running(centrifugo_bin, config, **guard_of(centrifugo_bin, http_stack.service.variables)) as front:
        async with sdk_client(front.websocket, one_after_another(ticket), use_protobuf=use_protobuf) as client:
            await until(lambda: client.connected)
            users = set(await client.who_is_in())

    assert users == {"u-8"}
    assert http_stack.tickets.asked(ticket) == 1


@over_each_stream
async def test_a_client_without_websocket_connects(http_stack: Stack, over: Transport) -> None:
    ticket = http_stack.tickets.issue()

    answer = await over(http_stack.centrifugo.url, with_ticket(ticket))

    assert answer is not None
    assert answer["id"] == 1
    assert answer["connect"]["client"]
    assert http_stack.tickets.asked(ticket) == 1


@over_each_stream
async def test_a_refused_client_without_websocket_gets_the_reason_if_the_stream_does_not_end_first(
    http_stack: Stack, over: Transport
) -> None:
    answers = [await over(http_stack.centrifugo.url, with_ticket("no-such-ticket")) for _ in range(5)]

    # Centrifugo ends the stream as soon as it has decided, sometimes before it has written the reason.
    why = {"push": {"disconnect": {"code": 4401, "reason": "invalid ticket"}}}
    assert why in answers
    assert [answer for answer in answers if answer not in (why, None) and not is_temporary(answer)] == []


def is_temporary(answer: dict[str, Any] | None) -> bool:
    """True for a temporary error. On a busy machine, identity may answer too late, and the client then gets one."""
    return answer is not None and answer.get("error", {}).get("temporary") is True
