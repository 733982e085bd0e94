"""The parts of `bench.storm` that need no process: how a client reacts, how calls are counted, and the figures."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest

from bench.parts.identity import CallCount
from bench.parts.processes import LOOPBACK
from bench.parts.storm import LEAST_PAUSE_S, MOST_PAUSE_S, pause_s
from bench.parts.storm_clients import Crowd, Fate, fate_of_close, fate_of_reply
from bench.parts.storm_figures import after_share, figures, growth, missed, table


@pytest.mark.parametrize(
    ("reply", "fate"),
    [
        ({"id": 1, "connect": {"client": "c"}}, Fate.IN),
        ({"id": 1, "error": {"code": 100, "message": "internal server error", "temporary": True}}, Fate.AGAIN),
        ({"id": 1, "error": {"code": 109, "message": "token expired", "temporary": True}}, Fate.LOST),
        ({"id": 1, "error": {"code": 103, "message": "permission denied"}}, Fate.LOST),
    ],
)
def test_a_client_handles_a_connect_answer_as_the_sdks_do(reply: dict[str, Any], fate: Fate) -> None:
    assert fate_of_reply(reply) is fate


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (1006, Fate.AGAIN),
        (3499, Fate.AGAIN),
        (3500, Fate.LOST),
        (3999, Fate.LOST),
        (4000, Fate.AGAIN),
        (4499, Fate.AGAIN),
        (4500, Fate.LOST),
        (4999, Fate.LOST),
    ],
)
def test_a_client_handles_a_close_code_as_the_sdks_do(code: int, fate: Fate) -> None:
    assert fate_of_close(code) is fate


@pytest.mark.parametrize(("attempt", "most"), [(0, 1.0), (3, 4.5), (40, MOST_PAUSE_S)])
def test_a_pause_is_between_the_minimum_and_a_growing_maximum(attempt: int, most: float) -> None:
    pauses = [pause_s(attempt) for _ in range(500)]

    assert min(pauses) >= LEAST_PAUSE_S
    assert most / 2 < max(pauses) <= most


def test_the_longest_pauses_are_spread_out_as_the_sdks_spread_them() -> None:
    pauses = [pause_s(40) for _ in range(500)]

    assert min(pauses) < MOST_PAUSE_S / 2


async def test_at_the_end_of_its_time_a_crowd_closes_the_connections_of_unfinished_attempts() -> None:
    opened, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.set()
        with suppress(ConnectionResetError):
            await reader.read()
        ended.set()
        writer.close()

    server = await asyncio.start_server(silent, LOOPBACK, 0)
    async with server:
        crowd = Crowd([server.sockets[0].getsockname()[1]], clients=1)
        running = asyncio.create_task(crowd.run(at_most_s=1.0))
        await opened.wait()
        await running
        assert await asyncio.wait_for(ended.wait(), 20)


def test_a_new_counter_continues_the_count_in_its_file(tmp_path: Any) -> None:
    file = tmp_path / "calls"
    file.write_bytes(bytes(8))

    CallCount(file).add()
    CallCount(file).add()

    assert int.from_bytes(file.read_bytes(), "little") == 2


def test_the_growth_of_a_counter_includes_restarts() -> None:
    assert growth([5, 9, 2, 4]) == 13


def test_the_time_until_a_share_is_connected_is_infinite_if_too_few_clients_connect() -> None:
    assert after_share([1.0, 2.0, 3.0], clients=4, share=0.75) == 3.0
    assert after_share([1.0, 2.0, 3.0], clients=4, share=1.0) == inf


@dataclass
class Ended:
    """Two clients: one is connected, and the other will not reconnect."""

    in_after: dict[int, float] = field(default_factory=lambda: {0: 1.0})
    ends: Counter[str] = field(default_factory=lambda: Counter({"in": 1, "error 103": 1}))
    attempts: int = 3
    lost: int = 1
    dropped_at_end: int = 0


def sample(second: float, **values: float) -> dict[str, float]:
    return {"after_s": second, "limit": 100, "lag_s": 0.01, "shed": 0, "gone": 0} | values


def test_every_missed_target_is_named() -> None:
    samples = {
        "probes": {"/health/live": [0.01] * 99 + [0.4], "/health/ready": [0.7]},
        "refused": 0,
        "metrics": [sample(1), sample(2, shed=4, limit=64)],
    }

    found = figures(2, Ended(), calls=3, cpu_s={"service": 1.5}, queue=[], samples=samples)

    assert missed(found) == {
        "all clients connected within 60 s: inf s": True,
        "calls to identity per client at most 1.3: 1.50": True,
        "no client lost: 1": True,
        "health within 500 ms at p99: 700 ms": True,
    }
    assert (found.shed, found.attempts_each, found.limits) == (4, 1.5, [(1, 100), (2, 64)])
    assert table(found).count("MISSED") == 4
