"""Compares CPU, throughput, latency and memory of the service with a floor and other frameworks: make bench

  floor         one bare ASGI function that makes one grpc.aio call: the minimum in Python
  service bare  the service with guard and Prometheus metrics, without traces
  service full  the same; every request is traced, and the traces are exported
  Starlette, FastAPI, Django  small services with the same call, without guard, metrics and traces (bench/peers/)

The figures are medians of the rounds. Do not compare figures of different runs.
"""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.parts import machine
from bench.parts.command import measured, parser_of
from bench.parts.load import NO_SHEDDING, TOKEN, load
from bench.parts.processes import ROOT, Environment, floor, identity, peer, service, sink
from tools.ports import free_port

WARM_UP_S: Final = 1
SETTLE_S: Final = 1.2  # time to send the last full batch of spans, so that its CPU is counted
PRINTED: Final = {"cpu_us": "CPU µs", "rps": "req/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "rss_mib": "RSS MiB"}

# Modules of bench/peers/.
PEERS: Final = {"Starlette": "starlette_peer", "FastAPI": "fastapi_peer", "Django": "django_peer"}

OURS: Final = "service"  # the name of this repository's service in the table

Start = Callable[[int, Environment], AbstractContextManager[int]]


@dataclass(frozen=True)
class Figures:
    """The figures of one process under load. The CPU is in microseconds per connect."""

    cpu_us: float
    rps: float
    p50_ms: float
    p99_ms: float
    rss_mib: float


def measure(start: Start, environment: Environment, seconds: float, connections: int) -> Figures:
    """The figures of the process that `start` starts. Raises BenchError."""
    port = free_port()
    with start(port, environment) as pid:
        load(port, WARM_UP_S, connections)
        before = machine.cpu_s(pid)
        done = load(port, seconds, connections)
        time.sleep(SETTLE_S)
        cpu_us = (machine.cpu_s(pid) - before) / done.requests * 1e6
        return Figures(cpu_us, done.requests / done.seconds, done.p50_ms, done.p99_ms, machine.rss_mib(pid))


def run(rounds: int, seconds: float, connections: int, against: list[Path]) -> dict[str, Any]:
    """The medians of each row, and the CPU of each row as a multiple of the floor's CPU."""
    with identity() as address, sink() as traces:
        rows = _rows(address, traces, {OURS: ROOT, **{tree.resolve().name: tree for tree in against}})
        seen: dict[str, list[Figures]] = {name: [] for name in rows}
        for _ in range(rounds):
            for name, (start, environment) in rows.items():
                seen[name].append(measure(start, environment, seconds, connections))
    medians = {name: _medians(figures) for name, figures in seen.items()}
    return {
        "machine": machine.describe(),
        "rounds": rounds,
        "seconds": seconds,
        "connections": connections,
        "rows": medians,
        "cpu_ratios": {
            f"{name} / floor": round(row["cpu_us"] / medians["floor"]["cpu_us"], 2)
            for name, row in medians.items()
            if name != "floor"
        },
    }


def _rows(address: str, traces: str, trees: dict[str, Path]) -> dict[str, tuple[Start, Environment]]:
    bare = {
        "IDENTITY_VALIDATE_GRPC_ADDRESS": address, "CENTRIFUGO_PROXY_TOKEN": TOKEN, "PROXY_MAX_INFLIGHT": NO_SHEDDING,
    }  # fmt: skip
    full = {**bare, "OTEL_EXPORTER_OTLP_ENDPOINT": traces, "OTEL_TRACES_SAMPLER_ARG": "1.0"}
    rows: dict[str, tuple[Start, Environment]] = {"floor": (floor, bare)}
    for name, tree in trees.items():
        rows[f"{name} bare"] = (partial(service, tree=tree), bare)
        rows[f"{name} full"] = (partial(service, tree=tree), full)
    return rows | {name: (partial(peer, module), bare) for name, module in PEERS.items()}


def _medians(figures: list[Figures]) -> dict[str, float]:
    return {name: round(median(asdict(each)[name] for each in figures), 1) for name in PRINTED}


def table(result: dict[str, Any]) -> str:
    """The result as a table."""
    width = max(map(len, result["rows"]))
    lines = [" " * width + "".join(f"{title:>10}" for title in PRINTED.values())]
    for name, row in result["rows"].items():
        lines.append(f"{name:{width}}" + "".join(f"{row[column]:10.1f}" for column in PRINTED))
    lines += [f"CPU {name}: {ratio}" for name, ratio in result["cpu_ratios"].items()]
    lines.append(f"{result['machine']['cores']} cores, Python {result['machine']['python']}, {result['rounds']} rounds")
    return "\n".join(lines)


def main() -> None:
    parser = parser_of("compare", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each row (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=3, help="seconds of load for each row in each round (%(default)s)"
    )
    parser.add_argument("--connections", type=int, default=64, help="connections of the load generator (%(default)s)")
    against = "also measure the service in this folder, such as a git worktree of an older commit; may be repeated"
    parser.add_argument("--against", type=Path, metavar="TREE", action="append", default=[], help=against)
    options = parser.parse_args()
    names = [tree.resolve().name for tree in options.against]
    if len({OURS, *names}) <= len(names):
        parser.error(f"--against: the folders {', '.join(names)}; accepted: folders with different names, not {OURS}")
    result = measured(lambda: run(options.rounds, options.seconds, options.connections, options.against), options.json)
    sys.stdout.write(table(result) + "\n")


if __name__ == "__main__":
    main()
