"""Measures a storm: every client connects at the same moment, through a real Centrifugo: python -m bench.storm

The service, Centrifugo v6 with the printed configuration, an identity service and the clients share this machine. The
clients behave like Centrifugo's SDKs. Each step of an attempt may take five seconds. After a failed attempt they pause
for a random time, from 0.5 s to 20 s, and use a new ticket for the next attempt. During the storm, another process
checks the service's health ten times a second. With several nodes, each Centrifugo has its own memory engine. That is
enough, because connects do not use the engine.

Each process has its own session. Linux gives each session an equal share of the cores (sched_autogroup), like
Kubernetes for pods with equal CPU requests. With --one-session, each thread gets an equal share instead. Centrifugo has
many threads, so little CPU is then left for the service. The command prints how long the service waited for a core, as
a share of the time in which it had work.

The exit code is 1 if a target is missed. The targets are: all clients are connected within 60 s (plus 10 ms for each
client above 6,000), identity is called at most 1.3 times per client, no client is lost, and the p99 of health checks is
at most 500 ms.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop

from bench.parts import machine
from bench.parts.centrifugo import centrifugos
from bench.parts.command import measured, parser_of
from bench.parts.load import TOKEN
from bench.parts.processes import LOOPBACK, ROOT, allow_many_connections, process, service
from bench.parts.run_queue import RunQueue, run_queue, sessions_share_equally
from bench.parts.storm_clients import Crowd
from bench.parts.storm_figures import Figures, figures, missed, table
from tools.ports import free_port

# The number of open files that are needed besides one for each client. Centrifugo needs one more for each request.
SPARE_FILES: Final = 2_000
SETTLE_S: Final = 1.0
DOWN_S: Final = 3.0
LOOK_EVERY_S: Final = 0.2

Start = Callable[[], AbstractContextManager[int]]


class Restartable:
    """A process that can be ended by its id, and started again."""

    def __init__(self, start: Start, stack: ExitStack) -> None:
        self._start = start
        self._running = ExitStack()
        stack.callback(self._running.close)
        self.pid = self._running.enter_context(start())

    def restart(self, end: signal.Signals, down_s: float) -> None:
        """End the process with the signal `end`, and start it again after `down_s` seconds."""
        os.kill(self.pid, end)
        self._running.close()
        time.sleep(down_s)
        self.pid = self._running.enter_context(self._start())


@contextmanager
def watching(port: int, file: Path, own_session: bool) -> Iterator[None]:
    """Check the health of the service on `port` until the context ends. Then write the samples to `file`."""
    command = [sys.executable, "-m", "bench.parts.watch", str(port), str(file)]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=own_session) as popen:  # noqa: S603
        try:
            yield
        finally:
            popen.terminate()


def storm(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one storm."""
    allow_many_connections(options.clients + SPARE_FILES)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        calls, samples = Path(folder, "calls"), Path(folder, "samples")
        calls.write_bytes(bytes(8))
        port, identity_port = free_port(), free_port()
        apart = not options.one_session
        identity = Restartable(partial(_identity, identity_port, options.identity_ms, calls, apart), stack)
        environment = {
            "IDENTITY_VALIDATE_GRPC_ADDRESS": f"{LOOPBACK}:{identity_port}",
            "CENTRIFUGO_PROXY_TOKEN": TOKEN,
            "PROXY_MAX_INFLIGHT": options.limit,
        }
        served = Restartable(partial(service, port, environment, options.tree, own_session=apart), stack)
        nodes = stack.enter_context(centrifugos(options.nodes, port, TOKEN, own_session=apart))
        crowd = Crowd([node.port for node in nodes], options.clients)
        with watching(port, samples, apart):
            time.sleep(SETTLE_S)
            before = time.process_time()
            queue = uvloop.run(_run(crowd, options, identity, served))
            cpu = {
                "service": machine.cpu_s(served.pid),
                "Centrifugo": sum(machine.cpu_s(node.pid) for node in nodes),
                "identity": machine.cpu_s(identity.pid),
                "clients": time.process_time() - before,
            }
        number = int.from_bytes(calls.read_bytes(), "little")
        seen = json.loads(samples.read_text())
        return figures(options.clients, crowd, calls=number, cpu_s=cpu, queue=queue, samples=seen)._asdict()


def _identity(port: int, latency_ms: float, calls: Path, own_session: bool) -> AbstractContextManager[int]:
    arguments = ["-m", "bench.parts.identity", str(port), "--latency-ms", str(latency_ms), "--calls", str(calls)]
    return process("the identity stub", arguments, port, {}, own_session=own_session)


async def _run(crowd: Crowd, options: argparse.Namespace, identity: Restartable, served: Restartable) -> list[RunQueue]:
    """Run the storm. Returns the samples of how long the service waited for a core."""
    queue: list[RunQueue] = []
    looking = asyncio.create_task(_look(served, queue))
    disturbing = asyncio.create_task(_disturb(options, identity, served))
    await crowd.run(options.give_up)
    await disturbing
    crowd.dropped_at_end = crowd.dropped()
    crowd.close()
    await asyncio.sleep(0.1)
    looking.cancel()
    return queue


async def _look(served: Restartable, queue: list[RunQueue]) -> None:
    while True:
        with suppress(OSError):  # the service is being restarted
            queue.append(run_queue(served.pid, time.monotonic()))
        await asyncio.sleep(LOOK_EVERY_S)


async def _disturb(options: argparse.Namespace, identity: Restartable, served: Restartable) -> None:
    if not (options.kill_identity or options.restart_service):
        return
    await asyncio.sleep(options.disturb_after)
    if options.kill_identity:
        await asyncio.to_thread(identity.restart, signal.SIGKILL, DOWN_S)
    if options.restart_service:
        await asyncio.to_thread(served.restart, signal.SIGTERM, 0.0)


def parsed() -> argparse.Namespace:
    parser = parser_of("storm", __doc__)
    parser.add_argument("--clients", type=int, default=6000, help="clients that connect at once (6000)")
    parser.add_argument("--identity-ms", type=float, default=5, help="milliseconds that identity needs for a call (5)")
    parser.add_argument("--nodes", type=int, default=1, help="Centrifugo nodes, each with its own memory engine (1)")
    parser.add_argument("--limit", default="auto", help="PROXY_MAX_INFLIGHT of the service (auto)")
    parser.add_argument(
        "--kill-identity", action="store_true", help="kill identity during the storm; it is down for 3 s"
    )
    parser.add_argument("--restart-service", action="store_true", help="restart the service during the storm")
    parser.add_argument(
        "--one-session", action="store_true", help="share the cores equally among threads instead of processes"
    )
    parser.add_argument("--disturb-after", type=float, default=4, help="seconds until the kill or the restart (4)")
    parser.add_argument("--give-up", type=float, default=120, help="seconds until the storm is stopped (120)")
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="measure the service in this folder, such as a git worktree"
    )
    return parser.parse_args()


def main() -> int:
    options = parsed()
    equal_shares = sessions_share_equally() and not options.one_session
    result = measured(
        lambda: {"machine": machine.describe(), "equal_shares": equal_shares, **storm(options)}, options.json
    )
    found = Figures(**{name: result[name] for name in Figures._fields})
    sys.stdout.write(table(found))
    if not equal_shares:
        sys.stdout.write("Each thread, not each process, had an equal share of the cores.\n")
    return int(any(missed(found).values()))


if __name__ == "__main__":
    sys.exit(main())
