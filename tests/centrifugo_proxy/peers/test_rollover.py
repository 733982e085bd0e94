"""The decision to replace a channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.peers.channels import TICK_S, is_name
from centrifugo_proxy.peers.rollover import AGE_S, CREDENTIALS_S, FAILING_S, SILENT_S, Reason, Rollover, State, Step

READY, CONNECTING, FAILING = State.READY, State.CONNECTING, State.FAILING
NEVER_READY = pytest.mark.parametrize("state", [CONNECTING, FAILING])


def test_a_connected_channel_is_kept() -> None:
    rollover = Rollover(0)

    assert {rollover.step(float(now), READY, None) for now in range(1000)} == {Step.KEEP}


@NEVER_READY
def test_a_disconnected_channel_gets_a_candidate_that_takes_over_once_it_is_ready(state: State) -> None:
    rollover = Rollover(0)

    steps = [
        rollover.step(FAILING_S, state, None),
        rollover.step(FAILING_S + 0.1, state, None),
        rollover.step(FAILING_S + 0.2, state, CONNECTING),
        rollover.step(FAILING_S + 0.3, state, READY),
        rollover.step(FAILING_S + 0.4, READY, None),
    ]

    assert steps == [Step.KEEP, Step.OPEN, Step.KEEP, Step.SWAP, Step.KEEP]
    assert rollover.swapped_for is Reason.FAILING


def test_a_briefly_disconnected_channel_is_kept() -> None:
    rollover = Rollover(0)

    assert rollover.step(100, READY, None) is Step.KEEP
    assert rollover.step(100.9, FAILING, None) is Step.KEEP
    assert rollover.step(101, READY, None) is Step.KEEP
    assert rollover.step(101.9, FAILING, None) is Step.KEEP


def test_a_failed_candidate_is_replaced_after_a_second_and_a_connecting_one_after_five_seconds() -> None:
    rollover = Rollover(0)
    opened = [
        now / 8
        for now in range(160)
        if rollover.step(now / 8, FAILING, (FAILING if now < 80 else CONNECTING) if now > 9 else None) is Step.OPEN
    ]

    assert opened == [1.125, 2.125, 3.125, 4.125, 5.125, 6.125, 7.125, 8.125, 9.125, 14.125, 19.125]


def test_a_candidate_is_dropped_when_the_channel_has_connected_by_itself() -> None:
    rollover = Rollover(0)
    rollover.step(2, FAILING, None)

    assert rollover.step(2.2, READY, CONNECTING) is Step.DISCARD
    assert rollover.step(2.4, READY, None) is Step.KEEP


def test_a_channel_that_is_five_seconds_old_is_replaced_after_an_expired_call() -> None:
    rollover = Rollover(0)
    rollover.call_expired()

    steps = [
        rollover.step(SILENT_S - 0.1, READY, None),
        rollover.step(SILENT_S, READY, None),
        rollover.step(SILENT_S + 0.1, READY, READY),
    ]
    rollover.call_expired()
    steps += [rollover.step(SILENT_S + 0.2, READY, None), rollover.step(2 * SILENT_S + 0.1, READY, None)]

    assert steps == [Step.KEEP, Step.OPEN, Step.SWAP, Step.KEEP, Step.OPEN]
    assert rollover.swapped_for is Reason.SILENT


def test_an_old_channel_to_a_host_name_is_replaced_once_a_candidate_has_connected() -> None:
    rollover = Rollover(0, AGE_S)

    steps = [
        rollover.step(AGE_S - 0.1, READY, None),
        rollover.step(AGE_S, READY, None),
        rollover.step(AGE_S + 4.9, READY, FAILING),
        rollover.step(AGE_S + 5, READY, FAILING),
        rollover.step(AGE_S + 6, READY, READY),
    ]

    assert steps == [Step.KEEP, Step.OPEN, Step.KEEP, Step.OPEN, Step.SWAP]
    assert rollover.swapped_for is Reason.AGE
    assert AGE_S + 4 * TICK_S < 30


def test_new_credentials_replace_a_candidate_with_old_credentials_and_are_used_even_if_they_cannot_connect() -> None:
    rollover = Rollover(0)
    rollover.step(2, FAILING, None)
    rollover.credentials_changed()

    steps = [
        rollover.step(2.2, READY, READY),
        rollover.step(2.4, READY, FAILING),
        rollover.step(2.1 + CREDENTIALS_S, READY, FAILING),
        rollover.step(2.2 + CREDENTIALS_S, READY, FAILING),
    ]

    assert steps == [Step.OPEN, Step.KEEP, Step.KEEP, Step.SWAP]
    assert rollover.swapped_for is Reason.CREDENTIALS


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 8), st.sampled_from(State), st.sampled_from(State), st.sampled_from(["", "expired", "new"])
        ),
        max_size=60,
    )
)
def test_only_new_credentials_replace_a_candidate_within_a_second(
    events: list[tuple[float, State, State, str]],
) -> None:
    """Without a candidate, the step is neither DISCARD nor SWAP."""
    rollover, now, opened_at, has_candidate = Rollover(0, AGE_S), 0.0, -10.0, False

    for seconds, current, candidate, event in events:
        now += seconds
        if event == "expired":
            rollover.call_expired()
        if event == "new":
            rollover.credentials_changed()
        step = rollover.step(now, current, candidate if has_candidate else None)
        if step is Step.OPEN:
            assert event == "new" or now - opened_at >= 0.999 or not has_candidate
            opened_at, has_candidate = now, True
        elif step is not Step.KEEP:
            assert has_candidate
            has_candidate = False


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("localhost:50051", True),
        ("identity.example:50051", True),
        ("dns:///identity:50051", True),
        ("dns://127.0.0.1:53/identity:50051", True),
        ("10.0.0.7:50051", False),
        ("[::1]:50051", False),
        ("ipv4:10.0.0.7:50051,10.0.0.8:50051", False),
        ("unix:/run/identity.sock", False),
    ],
)
def test_a_target_counts_as_a_name_if_its_addresses_can_change(target: str, expected: bool) -> None:
    assert is_name(target) is expected
