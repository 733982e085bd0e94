"""The reference ticket endpoint of docs/fallback.md."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.documents.fallback_page import ticket_endpoint

ENDPOINT = ticket_endpoint()


def down(user: str) -> str:
    raise ENDPOINT["IdentityDown"]


def up(user: str) -> str:
    return f"ticket-of-{user}"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """A database with two unspent fallback tickets."""
    with closing(sqlite3.connect(":memory:")) as database:
        ENDPOINT["fill"](database, ["f-1", "f-2"])
        yield database


def ask(database: sqlite3.Connection, issue: Any, *, has_spare: bool = False) -> Any:
    return ENDPOINT["realtime_ticket"]("u-1", has_spare, issue, database)


def test_the_endpoint_returns_identitys_ticket_and_spends_no_pool_ticket_while_identity_answers(
    database: sqlite3.Connection,
) -> None:
    answers = [ask(database, up, has_spare=spare) for spare in (False, True)]

    assert answers == [(200, {"ticket": "ticket-of-u-1", "fallback": False})] * 2
    assert ENDPOINT["take"](database) == "f-1"


def test_in_an_outage_each_fallback_ticket_is_handed_out_once(database: sqlite3.Connection) -> None:
    answers = [ask(database, down) for _ in range(3)]

    assert answers == [
        (200, {"ticket": "f-1", "fallback": True}),
        (200, {"ticket": "f-2", "fallback": True}),
        (503, {"error": "no ticket at the moment"}),
    ]


def test_in_an_outage_an_app_with_an_unspent_ticket_gets_no_further_fallback_ticket(
    database: sqlite3.Connection,
) -> None:
    answers = [ask(database, down, has_spare=True) for _ in range(10)]

    assert answers == [(200, {"ticket": None, "fallback": True})] * 10
    assert ENDPOINT["take"](database) == "f-1"


def test_a_new_pool_replaces_the_remaining_tickets_of_the_old_one(database: sqlite3.Connection) -> None:
    ENDPOINT["fill"](database, ["g-1"])

    assert [ENDPOINT["take"](database) for _ in range(2)] == ["g-1", None]
