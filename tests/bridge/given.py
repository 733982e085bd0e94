"""Routes and records for the bridge's tests."""

from typing import Any

import orjson

from bridge.commands import Headers, Mapped, Outcome, Poison, Record
from bridge.mapping.mapper import RouteMapper
from bridge.routing.faults import RoutesError
from bridge.routing.file import read_routes
from bridge.routing.model import Routes
from bridge.routing.readers import ReadFile

NOW_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z
REPLAY_TOPIC = "dead-letters.replay"


def no_file(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory")


def routes_of(text: str, read_file: ReadFile = no_file) -> Routes:
    """The routes of a file with this text after `version = 1`."""
    return read_routes(f"version = 1\n{text}", "routes.toml", read_file)


def one_route(action: str, route: str = "") -> str:
    """The text of a route for the topic `t`, with one action."""
    return f'[[routes]]\nname = "entries"\ntopics = ["t"]\n{route}\n[[routes.actions]]\n{action}\n'


def publishing(channel: str = "family:{family_id}", more: str = 'fields = ["id"]') -> str:
    return f'do = "publish"\nchannel = "{channel}"\n{more}'


def faults_of(text: str, read_file: ReadFile = no_file) -> list[str]:
    """The faults of a file as sentences."""
    try:
        read_routes(text, "routes.toml", read_file)
    except RoutesError as error:
        return str(error).splitlines()
    return []


def record(
    value: Any = None,
    *,
    topic: str = "t",
    key: bytes | None = None,
    headers: Headers = (),
    timestamp: int = NOW_MS,
) -> Record:
    """A record at partition 3, offset 7. `value` is encoded as JSON unless it is bytes or None."""
    body = value if isinstance(value, bytes | None) else orjson.dumps(value)
    return Record(topic, 3, 7, timestamp, key, body, headers)


def outcome_of(text: str, given: Record, read_file: ReadFile = no_file) -> Outcome:
    return RouteMapper(routes_of(text, read_file), replay_topic=REPLAY_TOPIC).outcome(given, NOW_MS)


def sent(outcome: Outcome) -> list[Any]:
    """The commands of an outcome without failures."""
    assert isinstance(outcome, Mapped), outcome
    assert outcome.failures == ()
    return [orjson.loads(command.encoded) for command in outcome.commands]


def failed(outcome: Outcome) -> Poison:
    """The only failure of an outcome without commands."""
    assert isinstance(outcome, Mapped), outcome
    assert outcome.commands == ()
    [failure] = outcome.failures
    return failure
