"""The controls of the demonstration, without its service process."""

from typing import Any

import httpx

from demo.control import running_control
from demo.identity import running_identity
from tests.harness.service import Service, service


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
    assert response.text.splitlines() == [
        "There is:",
        "POST /identity/down",
        "POST /identity/up",
        "POST /ticket",
        "POST /ticket/parent",
        "POST /ticket/child",
        "POST /ticket/neighbour",
        "POST /lock",
        "POST /unlock",
    ]


async def test_a_ticket_can_be_had_for_a_member_of_the_family_by_name() -> None:
    async with (
        running_identity() as identity,
        running_control(identity) as url,
        service(identity.address) as running,
        httpx.AsyncClient(base_url=url) as levers,
    ):
        answer = await running.connect((await levers.post("/ticket/neighbour")).text.strip())

    result = answer.json()["result"]
    assert (result["user"], result["meta"]["family_id"]) == ("neighbour", "family-2")


async def test_a_lock_is_in_what_the_next_refresh_says_and_goes_again() -> None:
    async with (
        running_identity() as identity,
        running_control(identity) as url,
        service(identity.address, CENTRIFUGO_REFRESH="on") as running,
        httpx.AsyncClient(base_url=url) as levers,
    ):
        meta = (await running.connect(identity.mint("child"))).json()["result"]["meta"]
        said = (await levers.post("/lock")).text
        locked = await refreshed(running, meta)
        await levers.post("/unlock")
        again = await refreshed(running, locked["meta"])

    assert said == "the child's chat is locked\n"
    assert locked["meta"]["parental_state"] == {**meta["parental_state"], "feature_lock_chat": True}
    assert again["meta"] == meta


async def refreshed(running: Service, meta: dict[str, Any]) -> dict[str, Any]:
    """The result of a refresh of the child's connection that has this meta."""
    answer = await running.http.post("/centrifugo/refresh", json={"client": "c", "user": "child", "meta": meta})
    result: dict[str, Any] = answer.json()["result"]
    return result
