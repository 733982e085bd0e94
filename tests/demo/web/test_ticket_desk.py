"""The tickets that are issued to the page's clients."""

import pytest

from demo.identity import MemoryIdentity
from demo.web.ticket_desk import TicketDesk, UnknownUserError


async def test_while_identity_is_up_its_tickets_are_issued() -> None:
    identity = MemoryIdentity()
    await identity.up()
    try:
        answer = await TicketDesk(identity, ["spare"]).ticket("child", has_spare=False)
    finally:
        await identity.down()

    assert (answer["fallback"], answer["ticket"] in (None, "spare")) == (False, False)


async def test_without_identity_each_fallback_ticket_is_issued_once() -> None:
    desk = TicketDesk(MemoryIdentity(), ["spare"])

    answers = [await desk.ticket(user, has_spare=False) for user in ("child", "visitor-1")]

    assert answers == [{"ticket": "spare", "fallback": True}, {"ticket": None, "fallback": True}]


async def test_a_client_with_a_fallback_ticket_gets_no_second_one() -> None:
    desk = TicketDesk(MemoryIdentity(), ["spare"])

    assert await desk.ticket("child", has_spare=True) == {"ticket": None, "fallback": True}


@pytest.mark.parametrize("user", ["", "Child", "a b", "visitor-", "x" * 21, "visitor-1\n", "<b>"])
async def test_a_malformed_user_name_is_refused(user: str) -> None:
    with pytest.raises(UnknownUserError):
        await TicketDesk(MemoryIdentity(), []).ticket(user, has_spare=False)
