"""routes.example has no faults, and each of its routes makes the commands that its comment describes."""

from typing import Any

import pytest

from bridge.commands import Skip, SkipReason
from bridge.mapping.mapper import RouteMapper
from bridge.routing.file import load_routes
from tests.bridge.example_records import EXAMPLE, RECORDS
from tests.bridge.formats.descriptors import descriptor_set
from tests.bridge.given import NOW_MS, record, sent

MAPPER = RouteMapper(load_routes(str(EXAMPLE / "routes.toml")))


def in_the_diary(kind: str, key: str) -> dict[str, Any]:
    """The publication that the members of the family get for an entry."""
    return {
        "publish": {
            "channel": "family:f1:diary",
            "data": {
                "type": kind,
                "id": "e1",
                "author": "u1",
                "title": "A walk",
                "at": "2027-01-15T07:59:00Z",
            },
            "tags": {"kind": "diary"},
            "idempotency_key": key,
        }
    }


EXPECTED: dict[str, list[dict[str, Any]]] = {
    "diary-entry": [in_the_diary("diary.entry.created", f"diary.entry.created.v1:3:7:{NOW_MS}")],
    "diary-entry-state": [
        in_the_diary("diary.entry.updated", f"diary.entry.updated.v1:3:7:{NOW_MS}:diary-entry.1"),
        {
            "publish": {
                "channel": "entry:f1:e1",
                "data": {"entry_id": "e1", "title": "A walk", "text": "It rained.", "version": 4},
                "idempotency_key": f"diary.entry.updated.v1:3:7:{NOW_MS}:diary-entry-state.1",
                "delta": True,
                "version": 4,
            }
        },
    ],
    "calendar-event": [
        {
            "publish": {
                "channel": "family:f1:calendar",
                "data": {
                    "event_id": "c1",
                    "change": "moved",
                    "title": "Dentist",
                    "starts_at": "2027-01-16T09:00:00Z",
                    "ends_at": "2027-01-16T09:30:00Z",
                },
                "idempotency_key": f"calendar.event.changed.v1:3:7:{NOW_MS}",
            }
        }
    ],
    "notification": [
        {
            "broadcast": {
                "channels": ["user:u1", "user:u2"],
                "data": {"type": "notification", "id": "n1", "title": "Dinner"},
                "idempotency_key": "/notifications n1",
            }
        }
    ],
    "family-profile": [
        {
            "publish": {
                "channel": "family:f1:profile",
                "data": {"family_id": "f1", "name": "The first"},
                "idempotency_key": f"family.updated:3:7:{NOW_MS}",
            }
        }
    ],
    "member-removed": [
        {
            "publish": {
                "channel": "family:f1:members",
                "data": {"type": "member.removed", "user": "u1"},
                "idempotency_key": f"family.member.removed:3:7:{NOW_MS}",
            }
        },
        {"unsubscribe": {"user": "u1", "channel": "family:f1:chat"}},
        {"disconnect": {"user": "u1", "disconnect": {"code": 4100, "reason": "left the family"}}},
    ],
    "parental-lock": [{"refresh": {"user": "u1", "expired": True}}],
    "account-closed": [{"disconnect": {"user": "u1", "disconnect": {"code": 4501, "reason": "account closed"}}}],
    "coach-words": [
        {
            "publish": {
                "channel": "coach:u1",
                "data": {"reply_id": "r1", "n": 3, "words": "Well done"},
                "skip_history": True,
            }
        }
    ],
}


def test_every_route_of_the_example_is_tested() -> None:
    names = [route.name for route in load_routes(str(EXAMPLE / "routes.toml")).routes]

    assert names == list(EXPECTED) == list(RECORDS)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_route_of_the_example_makes_the_expected_commands(name: str) -> None:
    topic, value, headers = RECORDS[name]

    assert sent(MAPPER.outcome(record(value, topic=topic, headers=headers), NOW_MS)) == EXPECTED[name]


@pytest.mark.parametrize("name", ["diary-entry", "diary-entry-state"])
def test_a_private_entry_reaches_no_channel(name: str) -> None:
    topic, value, headers = RECORDS[name]
    private = {**value, "visibility": "private"}

    outcome = MAPPER.outcome(record(private, topic=topic, headers=headers), NOW_MS)

    assert outcome == Skip(SkipReason.UNROUTED)


def test_the_descriptor_set_is_generated_from_the_proto_file() -> None:
    """`make proto` writes the descriptor set."""
    assert (EXAMPLE / "identity.binpb").read_bytes() == descriptor_set(EXAMPLE / "identity.proto")
