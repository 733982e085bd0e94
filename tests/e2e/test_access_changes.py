"""Changes of access that arrive as events from Kafka take effect at once and permanently."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import Closed, Ended, Listener, SdkClient, one_after_another, sdk_client
from tests.e2e.family import FamilyStack
from tests.harness.bridge import BridgeProcess, running_bridge
from tests.harness.kafka import Kafka, broker_or_skip
from tests.harness.paths import ROOT
from tests.harness.waiting import until

EXAMPLE = ROOT / "routes.example" / "routes.toml"
REMOVED, LOCK, CLOSED = "family.member.removed", "parental.lock.changed.v1", "identity.account.closed"
LONGER_THAN_A_RECONNECT_S = 1.5
LOCKED = pb.ParentalState(feature_lock_chat=True)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for the tests of this module."""
    yield from broker_or_skip(tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="module")
def bridge(kafka: Kafka, shared_family: FamilyStack) -> Iterator[BridgeProcess]:
    """A bridge with the example's routes that publishes to the Centrifugo of the family stack."""
    dead_letters = kafka.create_topic("dead-letters")
    kafka.create(f"{dead_letters}.replay")
    for topic in (REMOVED, LOCK, CLOSED):
        kafka.create_once(topic)
    variables = {
        "BRIDGE_KAFKA_GROUP": f"access.{secrets.token_hex(4)}",
        "BRIDGE_OFFSET_RESET": "earliest",
        "BRIDGE_DEAD_LETTER_TOPIC": dead_letters,
        "CENTRIFUGO_API_KEY": shared_family.api_key,
    }
    api = f"{shared_family.centrifugo.url}/api"
    with running_bridge(EXAMPLE, kafka.address, api, **variables) as running:
        running.wait_until_assigned(4)
        yield running


@pytest.fixture
def user() -> str:
    return f"u-{secrets.token_hex(4)}"


async def write(kafka: Kafka, topic: str, event: dict[str, Any] | bytes) -> None:
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    await asyncio.to_thread(kafka.produce, topic, [value])


async def enter_again(client: SdkClient, channel: str) -> Listener:
    """Subscribe again after the subscription has ended, as a persistent application does."""
    client.remove_subscription(client.subscriptions()[channel])
    return await client.listen(channel)


async def test_a_removed_member_is_unsubscribed_at_once_and_cannot_subscribe_again(
    family: FamilyStack, bridge: BridgeProcess, kafka: Kafka, family_id: str, user: str
) -> None:
    chat = f"family:{family_id}:chat"
    member, removed = family.tickets.issue(user, family_id=family_id), family.tickets.issue(user, family_id="")

    async with (
        family.member("u-stays", family_id) as other,
        sdk_client(family.url, one_after_another(member, removed)) as client,
    ):
        of_the_other, of_the_removed = await other.listen(chat), await client.listen(chat)
        await other.publish(chat, {"text": "before"})
        await until(lambda: len(of_the_removed.received) == 1)
        await write(kafka, REMOVED, {"family_id": family_id, "user_id": user})
        await until(lambda: bool(of_the_removed.ended) and len(client.watcher.connections) == 2)
        await other.publish(chat, {"text": "after"})
        await until(lambda: len(of_the_other.received) == 2)
        again = await enter_again(client, chat)

    assert of_the_removed.received == [{"text": "before"}]
    assert of_the_removed.ended[0].code == 2000
    assert client.watcher.lost == [Closed(4100, "left the family")]
    assert [ended.code for ended in again.ended] == [403]
    assert again.entered == 0
    assert other.watcher.lost == []


async def test_a_new_lock_ends_the_chat_and_applies_after_the_reconnect(
    family: FamilyStack, bridge: BridgeProcess, kafka: Kafka, family_id: str, user: str
) -> None:
    chat = f"family:{family_id}:chat"
    free = family.tickets.issue(user, family_id=family_id)
    locked = family.tickets.issue(user, family_id=family_id, parental_state=LOCKED)

    async with sdk_client(family.url, one_after_another(free, locked)) as child:
        of_the_child = await child.listen(chat)
        await write(kafka, LOCK, {"child_id": user, "lock": "chat"})
        await until(lambda: bool(of_the_child.ended) and len(child.watcher.connections) == 2)
        again = await enter_again(child, chat)
        connected = child.connected

    assert [lost.code for lost in child.watcher.lost] == [3005]
    assert of_the_child.ended == [Ended(403, "locked by a parent")]
    assert (again.entered, again.ended) == (0, [Ended(403, "locked by a parent")])
    assert connected


async def test_the_client_of_a_closed_account_does_not_reconnect(
    family: FamilyStack, bridge: BridgeProcess, kafka: Kafka, family_id: str, user: str
) -> None:
    tickets = [family.tickets.issue(user, family_id=family_id) for _ in range(3)]

    async with sdk_client(family.url, one_after_another(*tickets)) as client:
        await until(lambda: client.connected)
        await write(kafka, CLOSED, b"\0\0\0\0\1\0" + b"\x0a" + bytes([len(user)]) + user.encode())
        await until(lambda: bool(client.watcher.ended))
        await asyncio.sleep(LONGER_THAN_A_RECONNECT_S)

    assert client.watcher.ended[0] == Closed(4501, "account closed")
    assert (client.attempts, len(client.watcher.connections)) == (1, 1)


@pytest.mark.parametrize(
    "written",
    [
        (REMOVED, {"family_id": "f-1", "user_id": ""}),
        (REMOVED, {"family_id": "", "user_id": "u-other"}),
        (LOCK, {"child_id": "", "lock": "chat"}),
        (LOCK, {"lock": "chat"}),
        (CLOSED, b"\0\0\0\0\1\0"),
    ],
    ids=["no user", "no family", "no child", "child absent", "no account"],
)
async def test_an_event_without_a_user_or_a_family_becomes_a_dead_letter_and_changes_nothing(
    family: FamilyStack, bridge: BridgeProcess, kafka: Kafka, family_id: str, written: tuple[str, Any]
) -> None:
    chat = f"family:{family_id}:chat"
    before = bridge.health()["dead_letters"]

    async with family.member("u-1", family_id) as member:
        listener = await member.listen(chat)
        await write(kafka, *written)
        await until(lambda: bridge.health()["dead_letters"] > before)
        await member.publish(chat, {"text": "still here"})
        await until(lambda: len(listener.received) == 1)

    assert member.watcher.lost == []
    assert (listener.lost, listener.ended) == ([], [])
    assert listener.received == [{"text": "still here"}]
