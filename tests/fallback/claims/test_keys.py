"""The keys under which claims are stored, and the gate that limits the calls to a failing store."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from fallback.claims.gate import RETRY_S, Gate
from fallback.claims.keys import pool_key, ticket_key
from tests.fallback.claims.claiming import digest


def test_the_key_of_a_ticket_is_the_documented_one() -> None:
    assert ticket_key(digest("ticket-a")) == "a3b50eafc99b2e4773bfd081054f2c16"


def test_the_key_of_a_pool_is_the_documented_one() -> None:
    assert pool_key(sorted([digest("ticket-a"), digest("ticket-b")])) == "c1c026d60d75bc3a"


@given(ticket=st.text())
def test_the_key_contains_no_twelve_consecutive_digits_of_the_digest(ticket: str) -> None:
    hashed = hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()

    key = ticket_key(hashed)

    assert not any(key[start : start + 12] in hashed.hex() for start in range(len(key) - 11))


def test_after_a_failure_the_gate_allows_one_attempt_per_interval() -> None:
    gate = Gate()
    gate.failed(begun=10.0, now=10.2)

    asked = [now for now in (10.2, 10.7, 10.2 + RETRY_S, 10.3 + RETRY_S, 10.2 + 2 * RETRY_S) if gate.allows_call(now)]

    assert asked == [10.2 + RETRY_S, 10.2 + 2 * RETRY_S]


def test_a_success_opens_the_gate_for_all_attempts() -> None:
    gate = Gate()
    gate.failed(begun=10.0, now=10.2)
    gate.succeeded(10.5)

    assert [gate.allows_call(10.5), gate.allows_call(10.5)] == [True, True]


def test_the_gate_stays_open_if_an_attempt_fails_that_began_before_the_last_success() -> None:
    gate = Gate()
    gate.succeeded(10.1)
    gate.failed(begun=10.0, now=10.2)

    assert gate.open
