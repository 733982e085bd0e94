"""A record for each route of routes.example: topic, value, headers."""

from pathlib import Path
from typing import Any, Final

from bridge.commands import Headers

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "routes.example"


def cloud_event(kind: str, source: str, event_id: str) -> Headers:
    attributes = {"specversion": "1.0", "id": event_id, "source": source, "type": kind}
    return tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())


ENTRY: Final = {
    "entry_id": "e1",
    "family_id": "f1",
    "author": {"id": "u1", "email": "not for the list"},
    "title": "A walk",
    "text": "It rained.",
    "occurred_at": "2027-01-15T07:59:00Z",
    "version": 4,
}
RECORDS: Final[dict[str, tuple[str, Any, Headers]]] = {
    "diary-entry": (
        "diary.entry.created.v1",
        {**ENTRY, "visibility": "family"},
        cloud_event("diary.entry.created", "/diary", "d1"),
    ),
    "diary-entry-state": (
        "diary.entry.updated.v1",
        {**ENTRY, "visibility": "family"},
        cloud_event("diary.entry.updated", "/diary", "d2"),
    ),
    "calendar-event": (
        "calendar.event.changed.v1",
        {
            "event_id": "c1",
            "family_id": "f1",
            "change": "moved",
            "title": "Dentist",
            "starts_at": "2027-01-16T09:00:00Z",
            "ends_at": "2027-01-16T09:30:00Z",
            "occurred_at": "2027-01-15T07:59:00Z",
            "notes": "not for the calendar's channel",
        },
        (),
    ),
    "notification": (
        "notification.created",
        {"id": "n1", "title": "Dinner", "recipient_ids": ["u1", "u2"]},
        cloud_event("notification.created", "/notifications", "n1"),
    ),
    "family-profile": (
        "family.updated",
        {"schema": {"type": "struct"}, "payload": {"family_id": "f1", "name": "The first", "plan": "pro"}},
        (),
    ),
    "member-removed": ("family.member.removed", {"family_id": "f1", "user_id": "u1"}, ()),
    "parental-lock": ("parental.lock.changed.v1", {"child_id": "u1", "lock": "chat"}, ()),
    "account-closed": ("identity.account.closed", b"\0\0\0\0\1\0\x0a\x02u1", ()),
    "coach-words": (
        "flowcoach.reply.chunk",
        {"user_id": "u1", "reply_id": "r1", "n": 3, "words": "Well done", "model": "m"},
        (),
    ),
}
