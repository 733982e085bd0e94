"""Reads the answers of Centrifugo's API: a verdict for each command of the request. Pure.

The error codes are those of Centrifugo's server API (`internal/apiproto/errors.go` in its source). A code that is not
in PERMANENT counts as temporary: a new version of Centrifugo may add codes, and a retry loses nothing.
"""

import errno
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple, Protocol

TOO_MANY_REQUESTS: Final = 429
REQUEST_TIMEOUT: Final = 408
PERMANENT: Final = {
    102: "unknown_channel",
    104: "unknown_method",
    107: "rejected",
    108: "not_available",
    112: "rejected",
    113: "rejected",
}
CAUSES: Final = (
    "error_100",
    "error_other",
    "dns",
    "unreachable",
    "refused",
    "reset",
    "timeout",
    "http_5xx",
    "http_busy",
    "misconfigured",
    "bad_reply",
    "rejected",
)


class Kind(Enum):
    """The next step for one command."""

    DONE = auto()
    TEMPORARY = auto()
    PERMANENT = auto()


class Verdict(NamedTuple):
    """What an answer means for one command.

    `cause` is a label value of the retries metric. `reason` and `detail` go into the dead letter for a permanent error.
    A temporary error also has `reason` and `detail` if other channels of the same broadcast failed permanently.
    `again` has the indexes of the channels to which a broadcast must be sent again; empty = all channels.
    """

    kind: Kind
    cause: str = ""
    reason: str = ""
    detail: str = ""
    again: tuple[int, ...] = ()


DONE: Final = Verdict(Kind.DONE)


class Outcome(Enum):
    """The next step for a whole request."""

    SPLIT = auto()
    OUTAGE = auto()
    MISCONFIGURED = auto()


class Failure(Exception):
    """A request whose commands got no answer. `cause` is one of CAUSES; `detail` is text for an operator."""

    def __init__(self, outcome: Outcome, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.cause = cause
        self.detail = detail


def failure_of_status(status: int) -> Failure | None:
    """The failure for an HTTP status; None for 200."""
    if status == 200:
        return None
    detail = f"HTTP status {status}"
    if status in (400, 413):
        return Failure(Outcome.SPLIT, "rejected", detail)
    if status in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS):
        return Failure(Outcome.OUTAGE, "http_busy", detail)
    if status >= 500:
        return Failure(Outcome.OUTAGE, "http_5xx", detail)
    return Failure(Outcome.MISCONFIGURED, "misconfigured", detail)


def failure_of_connection(number: int | None) -> Failure:
    """The failure of an attempt to connect, by its `errno` (None = unknown)."""
    match number:
        case errno.ECONNREFUSED:
            return Failure(Outcome.OUTAGE, "refused", "the connection was refused")
        case errno.ETIMEDOUT:
            return Failure(Outcome.OUTAGE, "timeout", "no connection in time")
        case errno.ECONNRESET | errno.ECONNABORTED | errno.EPIPE:
            return Failure(Outcome.OUTAGE, "reset", "the connection broke")
        case _:
            return Failure(Outcome.OUTAGE, "unreachable", "the host cannot be reached")


def bad_reply(detail: str) -> Failure:
    """The failure for a body that is not an answer of the API."""
    return Failure(Outcome.OUTAGE, "bad_reply", detail)


class Sent(Protocol):
    """The attributes of a command that a verdict needs. For the method `broadcast`, `keys` are the channels."""

    @property
    def method(self) -> str: ...
    @property
    def keys(self) -> tuple[str, ...]: ...


def verdicts(body: Any, commands: Sequence[Sent]) -> list[Verdict]:
    """One verdict per command of a batch. Raises Failure if the body is not an answer."""
    replies = body.get("replies") if isinstance(body, dict) else None
    if not isinstance(replies, list) or len(replies) != len(commands):
        seen = len(replies) if isinstance(replies, list) else "no"
        raise bad_reply(f"{seen} replies to {len(commands)} commands")
    return [_of_reply(reply, command) for reply, command in zip(replies, commands, strict=True)]


def _of_reply(reply: Any, command: Sent) -> Verdict:
    if not isinstance(reply, dict):
        raise bad_reply("a reply that is not an object")
    if reply.get("error") is not None:
        return _of_error(reply["error"])
    method = command.method
    result = reply.get(method)
    if not isinstance(result, dict):
        raise bad_reply(f"a reply without {method}")
    return _of_broadcast(result, len(command.keys)) if method == "broadcast" else DONE


def _of_error(error: Any) -> Verdict:
    code = error.get("code") if isinstance(error, dict) else None
    if type(code) is not int:
        raise bad_reply("an error without a code")
    if reason := PERMANENT.get(code):
        return Verdict(Kind.PERMANENT, reason=reason, detail=f"Centrifugo error {code}")
    return Verdict(Kind.TEMPORARY, cause="error_100" if code == 100 else "error_other")


def _of_broadcast(result: Mapping[str, Any], channels: int) -> Verdict:
    """Combine the channels' answers. Any temporary error means a retry; otherwise the first permanent error counts."""
    responses = result.get("responses")
    if not isinstance(responses, list) or not all(isinstance(response, dict) for response in responses):
        raise bad_reply("a broadcast without responses")
    if len(responses) != channels:
        raise bad_reply(f"{len(responses)} responses to a broadcast to {channels} channels")
    each = [_of_error(response["error"]) if response.get("error") is not None else DONE for response in responses]
    again = tuple(number for number, verdict in enumerate(each) if verdict.kind is Kind.TEMPORARY)
    permanent = next((verdict for verdict in each if verdict.kind is Kind.PERMANENT), None)
    if again:
        first = each[again[0]]
        rest = (permanent.reason, permanent.detail) if permanent else ("", "")
        return Verdict(Kind.TEMPORARY, first.cause, *rest, again=again)
    return permanent or DONE
