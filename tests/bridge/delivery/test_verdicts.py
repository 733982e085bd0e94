"""The meaning of Centrifugo's answers. The valid bodies have the form that Centrifugo 6.9.1 sends."""

import errno
from typing import Any, NamedTuple

import pytest

from bridge.delivery.verdicts import (
    CAUSES,
    DONE,
    Failure,
    Kind,
    Outcome,
    Verdict,
    failure_of_connection,
    failure_of_status,
    verdicts,
)
from tests.bridge.made import PERMANENT_ERRORS


def error(code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": "made-up"}}


class Sent(NamedTuple):
    """The part of a command that `verdicts` reads."""

    method: str = "publish"
    keys: tuple[str, ...] = ("a",)


def verdict_of(reply: dict[str, Any], method: str = "publish", channels: tuple[str, ...] = ("a",)) -> Verdict:
    [verdict] = verdicts({"replies": [reply]}, [Sent(method, channels)])
    return verdict


@pytest.mark.parametrize("method", ["publish", "unsubscribe", "disconnect", "refresh", "history_remove"])
def test_a_reply_with_the_result_of_the_command_means_done(method: str) -> None:
    assert verdict_of({method: {}}, method) == DONE


@pytest.mark.parametrize(("code", "cause"), [(100, "error_100"), (111, "error_other"), (109, "error_other")])
def test_a_known_error_that_is_not_listed_as_permanent_is_temporary(code: int, cause: str) -> None:
    assert verdict_of(error(code)) == Verdict(Kind.TEMPORARY, cause)


def test_an_unknown_error_is_temporary() -> None:
    assert verdict_of(error(4711)) == Verdict(Kind.TEMPORARY, "error_other")


@pytest.mark.parametrize(("code", "reason"), PERMANENT_ERRORS)
def test_a_listed_permanent_error_is_permanent(code: int, reason: str) -> None:
    expected = Verdict(Kind.PERMANENT, reason=reason, detail=f"Centrifugo error {code}")

    assert verdict_of(error(code)) == expected


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EACCES, "unreachable"),
        (None, "unreachable"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.ECONNRESET, "reset"),
    ],
)
def test_the_errno_of_a_failed_connection_decides_the_cause(number: int | None, cause: str) -> None:
    failure = failure_of_connection(number)

    assert (failure.outcome, failure.cause) == (Outcome.OUTAGE, cause)
    assert cause in CAUSES


def test_each_command_has_its_own_verdict() -> None:
    replies = [{"publish": {"offset": 1, "epoch": "x"}}, error(100), error(102)]

    kinds = [verdict.kind for verdict in verdicts({"replies": replies}, [Sent()] * 3)]

    assert kinds == [Kind.DONE, Kind.TEMPORARY, Kind.PERMANENT]


def test_only_the_channels_that_failed_temporarily_are_sent_again() -> None:
    responses = [{"result": {}}, error(100), error(102), error(100)]

    verdict = verdict_of({"broadcast": {"responses": responses}}, "broadcast", ("a", "b", "c", "d"))

    assert verdict == Verdict(Kind.TEMPORARY, "error_100", "unknown_channel", "Centrifugo error 102", again=(1, 3))


def test_a_broadcast_to_an_unknown_channel_fails_permanently() -> None:
    verdict = verdict_of({"broadcast": {"responses": [{"result": {}}, error(102)]}}, "broadcast", ("a", "b"))

    assert verdict == Verdict(Kind.PERMANENT, reason="unknown_channel", detail="Centrifugo error 102")


def test_a_broadcast_that_reached_all_channels_is_done() -> None:
    assert verdict_of({"broadcast": {"responses": [{"result": {}}, {}]}}, "broadcast", ("a", "b")) == DONE


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"replies": []},
        {"replies": [{}]},
        {"replies": [1]},
        {"replies": [{"publish": {}}, {"publish": {}}]},
        {"replies": [{"unsubscribe": {}}]},
        {"replies": [{"error": "no"}]},
        {"replies": [{"error": {"message": "no"}}]},
    ],
)
def test_a_body_that_does_not_answer_every_command_counts_as_an_outage(body: Any) -> None:
    with pytest.raises(Failure) as failure:
        verdicts(body, [Sent()])

    assert (failure.value.outcome, failure.value.cause) == (Outcome.OUTAGE, "bad_reply")


@pytest.mark.parametrize("responses", [None, {}, [1, 2], [], [{}], [{}, {}, error(100)]])
def test_a_broadcast_without_one_response_for_each_channel_counts_as_an_outage(responses: Any) -> None:
    with pytest.raises(Failure) as failure:
        verdict_of({"broadcast": {"responses": responses}}, "broadcast", ("a", "b"))

    assert (failure.value.outcome, failure.value.cause) == (Outcome.OUTAGE, "bad_reply")


@pytest.mark.parametrize(
    ("status", "outcome", "cause"),
    [
        (400, Outcome.SPLIT, "rejected"),
        (413, Outcome.SPLIT, "rejected"),
        (401, Outcome.MISCONFIGURED, "misconfigured"),
        (403, Outcome.MISCONFIGURED, "misconfigured"),
        (404, Outcome.MISCONFIGURED, "misconfigured"),
        (405, Outcome.MISCONFIGURED, "misconfigured"),
        (302, Outcome.MISCONFIGURED, "misconfigured"),
        (408, Outcome.OUTAGE, "http_busy"),
        (429, Outcome.OUTAGE, "http_busy"),
        (500, Outcome.OUTAGE, "http_5xx"),
        (503, Outcome.OUTAGE, "http_5xx"),
    ],
)
def test_an_error_status_decides_the_outcome_of_the_whole_request(status: int, outcome: Outcome, cause: str) -> None:
    failure = failure_of_status(status)

    assert failure is not None
    assert (failure.outcome, failure.cause, failure.detail) == (outcome, cause, f"HTTP status {status}")


def test_status_200_is_not_a_failure() -> None:
    assert failure_of_status(200) is None
