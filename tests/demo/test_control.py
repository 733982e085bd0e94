"""The demonstration's levers, without its service process."""

import httpx

from demo.control import running_control
from demo.identity import running_identity
from tests.harness.service import service


async def test_a_ticket_minted_on_request_gets_in_once() -> None:
    async with (
        running_identity() as identity,
        running_control(identity) as url,
        service(identity.address) as running,
        httpx.AsyncClient(base_url=url) as levers,
    ):
        ticket = (await levers.post("/ticket")).text.strip()
        answers = [await running.connect(ticket) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


async def test_cutting_off_twice_and_bringing_back_twice_does_no_harm() -> None:
    async with running_identity() as identity, running_control(identity) as url:
        async with httpx.AsyncClient(base_url=url) as levers:
            answers = [(await levers.post(f"/identity/{lever}")).text for lever in ("down", "down", "up", "up")]
        async with service(identity.address) as running:
            answer = await running.connect(identity.mint())

    assert answers == ["identity is down\n"] * 2 + ["identity is up\n"] * 2
    assert answer.status_code == 200


async def test_an_unknown_lever_is_answered_with_the_known_ones() -> None:
    async with (
        running_identity() as identity,
        running_control(identity) as url,
        httpx.AsyncClient(base_url=url) as levers,
    ):
        response = await levers.get("/identity/sideways")

    assert response.status_code == 404
    assert response.text == "There is:\nPOST /identity/down\nPOST /identity/up\nPOST /ticket\n"
