"""A family's chat: members use it, others are refused."""

from tests.e2e.clients import Closed, Ended, bare_session, with_ticket
from tests.e2e.family import LIMIT, FamilyStack
from tests.harness.waiting import until

NOT_ALLOWED = {"code": 403, "message": "not allowed", "temporary": False}


async def test_a_members_message_reaches_the_other_member(family: FamilyStack, family_id: str) -> None:
    chat = f"family:{family_id}:chat"

    async with family.member("u-1", family_id) as first, family.member("u-2", family_id) as second:
        heard, echo = await second.listen(chat), await first.listen(chat)
        await first.publish(chat, {"text": "hello"})
        await second.publish(chat, {"text": "hello you"})
        await until(lambda: len(heard.received) == len(echo.received) == 2)

    assert heard.received == [{"text": "hello"}, {"text": "hello you"}]
    assert echo.received == heard.received


async def test_an_outsider_neither_receives_nor_publishes(family: FamilyStack, family_id: str) -> None:
    chat = f"family:{family_id}:chat"

    async with family.member("u-1", family_id) as member, family.member("u-3", f"{family_id}-other") as outsider:
        heard, shut_out = await member.listen(chat), await outsider.listen(chat)
        refusal = await outsider.refusal_of_publish(chat, {"text": "let me in"})
        await member.publish(chat, {"text": "among us"})
        await until(lambda: bool(heard.received))
        still_connected = outsider.connected

    assert shut_out.ended == [Ended(403, "not allowed")]
    assert shut_out.received == []
    assert refusal == NOT_ALLOWED
    assert heard.received == [{"text": "among us"}]
    assert still_connected


async def test_a_channel_without_a_rule_is_refused(family: FamilyStack, family_id: str) -> None:
    async with family.member("u-1", family_id) as member:
        listener = await member.listen(f"family:{family_id}:secrets")
        refusal = await member.refusal_of_publish(f"family:{family_id}", {})

    assert listener.ended == [Ended(403, "not allowed")]
    assert refusal == NOT_ALLOWED


async def test_a_publication_above_the_limit_is_refused_with_the_limit_in_the_message(
    family: FamilyStack, family_id: str
) -> None:
    chat = f"family:{family_id}:chat"
    fits = {"text": "x" * (LIMIT - len('{"text":""}'))}

    async with family.member("u-1", family_id) as first, family.member("u-2", family_id) as second:
        heard = await second.listen(chat)
        refusal = await first.refusal_of_publish(chat, {"text": fits["text"] + "x"})
        await first.publish(chat, fits)
        await until(lambda: bool(heard.received))

    assert refusal == {"code": 413, "message": f"data is larger than the limit of {LIMIT} bytes", "temporary": False}
    assert heard.received == [fits]


async def test_white_space_does_not_count_against_the_limit_and_is_published(
    family: FamilyStack, family_id: str
) -> None:
    chat, ticket = f"family:{family_id}:chat", family.tickets.issue("u-1", family_id=family_id)
    spaced = "[1," + " " * LIMIT + "2]"

    async with bare_session(family.url, with_ticket(ticket)) as ask:
        await ask('{"id":2,"publish":{"channel":"' + chat + '","data":' + spaced + "}}")
        await ask('{"id":3,"subscribe":{"channel":"' + chat + '"}}')
        kept = await ask('{"id":4,"history":{"channel":"' + chat + '","limit":1}}')

    assert f'"data":{spaced}' in kept


async def test_typing_notices_are_delivered_but_not_kept_in_the_history(family: FamilyStack, family_id: str) -> None:
    chat, typing = f"family:{family_id}:chat", f"family:{family_id}:typing"

    async with family.member("u-1", family_id) as first, family.member("u-2", family_id) as second:
        heard = [await second.listen(chat), await second.listen(typing)]
        await first.publish(typing, {"typing": True})
        await first.publish(chat, {"text": "there"})
        await until(lambda: all(listener.received for listener in heard))
        kept = [(await second.history(channel, limit=10)).publications for channel in (chat, typing)]

    assert [listener.received for listener in heard] == [[{"text": "there"}], [{"typing": True}]]
    assert [[publication.data for publication in each] for each in kept] == [[{"text": "there"}], []]


async def test_a_subscription_lasts_while_the_policy_allows_it(family: FamilyStack, family_id: str) -> None:
    chat = f"family:{family_id}:chat"

    async with family.member("u-1", family_id) as member:
        listener = await member.listen(chat)
        await until(lambda: len(family.wire.of("sub_refresh", channel=chat)) >= 2)
        await member.publish(chat, {"text": "still here"})
        await until(lambda: bool(listener.received))
        lost: list[Closed] = member.watcher.lost

    assert (listener.entered, listener.lost, listener.ended, lost) == (1, [], [], [])
    assert [set(answer["result"]) for answer in family.wire.answers("sub_refresh", channel=chat)][:2] == [
        {"expire_at"},
        {"expire_at"},
    ]
