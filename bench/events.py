"""Compares the CPU of each session event with that of connect, in one run: python -m bench.events [--json FILE]

An event that calls no service should cost less than half of a connect. An event that calls a service should not cost
more than a connect. The speed of a shared machine changes, so each event is measured right after a connect. The printed
ratio is the median of the ratios of all rounds. The guard is on, and traces are off.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any, Final

import uvloop

from bench.parts import machine
from bench.parts.client import connected, proxy_request
from bench.parts.command import measured, parser_of
from bench.parts.figures import quartiles
from bench.parts.load import NO_SHEDDING, TOKEN, Answers, timed
from bench.parts.processes import LOOPBACK, BenchError, process, service
from tools.ports import free_port

CONNECTIONS: Final = 64
POLICY: Final = """
[[channels]]
match = "family:{family_id}:chat"
allow = ["subscribe", "publish"]
feature = "diary"
max_publish_bytes = 8192

[[channels]]
match = "room:*"
allow = ["subscribe", "publish"]
ask_family_service = true

[[rpc]]
match = "diary.*"
backend = "diary"
"""
META: Final = {
    "family_id": "family-1",
    "subscription_tier": "pro",
    "is_admin": False,
    "parental_state": {
        "screen_time_lock": False,
        "feature_lock_chat": True,
        "feature_lock_diary": False,
        "feature_lock_flowcoach": False,
    },
}
FACTS: Final = {
    "client": "9336a229-2400-4ebc-8c50-0a643d22e8a0",
    "transport": "websocket",
    "protocol": "json",
    "encoding": "json",
}
OWNER: Final = {"user": "user-1", "meta": META}
CHAT: Final = {"channel": "family:family-1:chat"}
SAID: Final = {"data": {"text": "a message of some words, as users write them"}}
# For each row: the event, the fields of its request, and the number of calls to services.
ROWS: Final[dict[str, tuple[str, dict[str, Any], int]]] = {
    "connect": ("connect", {"data": {"token": "ticket-of-the-usual-length-of-43-characters"}}, 1),
    "refresh": ("refresh", OWNER, 1),
    "subscribe, family service called": ("subscribe", {**OWNER, "channel": "room:1"}, 1),
    "publish, family service called": ("publish", {**OWNER, **SAID, "channel": "room:1"}, 1),
    "rpc": ("rpc", {**OWNER, **SAID, "method": "diary.entries.list"}, 1),
    "subscribe": ("subscribe", {**OWNER, **CHAT}, 0),
    "sub_refresh": ("sub_refresh", {**OWNER, **CHAT}, 0),
    "publish": ("publish", {**OWNER, **CHAT, **SAID}, 0),
}


async def _load(port: int, request: bytes, seconds: float) -> int:
    """Send requests for this many seconds, and return their number. Raises BenchError if a status is not 200."""
    answers = Answers()
    until = perf_counter() + seconds
    callers = [await connected(port) for _ in range(CONNECTIONS)]

    async def send(number: int) -> None:
        while perf_counter() < until:
            await timed(callers[number], request, answers)

    await asyncio.gather(*(send(number) for number in range(CONNECTIONS)))
    for caller in callers:
        caller.close()
    if set(answers.statuses) != {200}:
        raise BenchError(f"not all requests were answered with 200: {dict(answers.statuses)}")
    return len(answers.seconds)


def measure(pid: int, port: int, name: str, seconds: float) -> float:
    """CPU of the service in microseconds per request. Raises BenchError."""
    event, fields, _ = ROWS[name]
    request = proxy_request(event, json.dumps({**FACTS, **fields}, separators=(",", ":")), TOKEN)
    before = machine.cpu_s(pid)
    answered = uvloop.run(_load(port, request, seconds))
    return (machine.cpu_s(pid) - before) / answered * 1e6


@contextmanager
def started() -> Iterator[tuple[int, int]]:
    """Start the service with a policy, and all services that it calls. Yields its process id and port."""
    backends, port = free_port(), free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as policy:
        policy.write(POLICY)
        policy.flush()
        address = f"{LOOPBACK}:{backends}"
        environment = {
            "IDENTITY_VALIDATE_GRPC_ADDRESS": address,
            "FAMILY_SERVICE_GRPC_ADDRESS": address,
            "RPC_BACKENDS": f"diary={address}",
            "RPC_MAX_INFLIGHT": "1000",
            "CHANNEL_POLICY_PATH": policy.name,
            "CENTRIFUGO_PROXY_TOKEN": TOKEN,
            "PROXY_MAX_INFLIGHT": NO_SHEDDING,
        }
        with (
            process("the backends", ["-m", "bench.parts.backends", str(backends)], backends, {}),
            service(port, environment) as pid,
        ):
            yield pid, port


def run(rounds: int, seconds: float) -> dict[str, Any]:
    """For each row, the median CPU in microseconds, and the quartiles of its ratio to the row `connect`."""
    cpu_us: dict[str, list[float]] = {name: [] for name in ROWS}
    ratios: dict[str, list[float]] = {name: [] for name in ROWS}
    with started() as (pid, port):
        measure(pid, port, "connect", 1)
        for _ in range(rounds):
            for name in ROWS:
                connect, own = measure(pid, port, "connect", seconds), measure(pid, port, name, seconds)
                cpu_us[name].append(own)
                ratios[name].append(own / connect)
    return {
        "machine": machine.describe(),
        "rounds": rounds,
        "seconds": seconds,
        "cpu_us": {name: round(median(figures), 1) for name, figures in cpu_us.items()},
        "ratios": {name: [round(figure, 3) for figure in quartiles(figures)] for name, figures in ratios.items()},
    }


def table(result: dict[str, Any]) -> str:
    """The result as a table."""
    lines = [f"{'':25}{'calls':>6}{'CPU µs':>9}{'/ connect':>11}  middle half of the rounds"]
    for name, (_, _, calls) in ROWS.items():
        low, middle, high = result["ratios"][name]
        lines.append(f"{name:25}{calls:6}{result['cpu_us'][name]:9.1f}{middle:11.2f}  {low:.2f}–{high:.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = parser_of("events", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each row (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=2,
        help="seconds of load for each row in each round, and for the connects before each row (%(default)s)",
    )
    options = parser.parse_args()
    result = measured(lambda: run(options.rounds, options.seconds), options.json)
    sys.stdout.write(table(result) + "\n")


if __name__ == "__main__":
    main()
