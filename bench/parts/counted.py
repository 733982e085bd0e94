"""Counts the instructions of a whole process under load, with valgrind.

The process uses real sockets. All of its threads are counted, but only their instructions in user space.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Final

import uvloop

from bench.parts.client import Connection, connect_request, connected
from bench.parts.load import TOKEN, Answers, timed
from bench.parts.processes import BenchError, wait_until_it_listens, without_ours

# There are few connections, because requests wait long under valgrind. After 50 ms, the service begins to check whether
# the caller has hung up, and these checks would be counted.
CONNECTIONS: Final = 4
WARM_UP: Final = 150
SETTLE_S: Final = 6.0  # time for the export of the last spans, so that it is counted
START_S: Final = 120.0  # a process starts about fifty times slower under valgrind
COLLECTED: Final = re.compile(r"Collected : (\d+)")
COUNT: Final = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null")


def require_valgrind() -> None:
    """Raises BenchError if valgrind is not installed."""
    if shutil.which("valgrind") is None:
        raise BenchError("valgrind is not installed; on Debian, install the package valgrind.")


def per_request(arguments: list[str], port: int, environment: Mapping[str, str], requests: int, status: int) -> float:
    """The instructions per connect of the process `python arguments`.

    Raises BenchError if the status of an answer is not `status`.
    """
    name = " ".join(arguments)
    with tempfile.TemporaryFile() as output:
        command = [*COUNT, sys.executable, *arguments]
        clean = {**without_ours(), "PYTHONHASHSEED": "0", **environment}
        with subprocess.Popen(command, env=clean, stdout=output, stderr=output) as popen:  # noqa: S603
            try:
                wait_until_it_listens(name, popen, port, output, START_S)
                answered = uvloop.run(_load(popen.pid, port, requests, status))
            finally:
                popen.terminate()
                popen.wait()
        if answered != {status}:
            raise BenchError(f"{name} was not counted: the statuses were {sorted(answered)}; accepted: {status}.")
        output.seek(0)
        return count_in(name, output.read().decode(errors="replace")) / requests


def count_in(name: str, output: str) -> int:
    """The number of instructions in valgrind's output for the process `name`. Raises BenchError if it is missing."""
    found = COLLECTED.search(output)
    if found is None:
        raise BenchError(f"{name} was not counted. The end of its output:\n{output[-3000:]}")
    return int(found[1])


async def _load(pid: int, port: int, requests: int, status: int) -> set[int]:
    """Send connects, and return the statuses of the answers.

    For status 503, one more connect takes the only slot, because identity never answers it.
    """
    held = await connected(port)
    holding = asyncio.create_task(held.exchange(connect_request("held", TOKEN))) if status == 503 else None
    await asyncio.sleep(1)
    await _connects(port, WARM_UP)
    with _counting(pid):
        answers = await _connects(port, requests)
        await asyncio.sleep(SETTLE_S)
    if holding is not None:
        holding.cancel()
    held.close()
    return set(answers.statuses)


@contextmanager
def _counting(pid: int) -> Iterator[None]:
    _switch(pid, "on")
    yield
    _switch(pid, "off")


def _switch(pid: int, to: str) -> None:
    command = ["callgrind_control", "-i", to, str(pid)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


async def _connects(port: int, number: int) -> Answers:
    answers, numbers = Answers(), count()
    callers = [await connected(port) for _ in range(min(CONNECTIONS, number))]

    async def connect(caller: Connection) -> None:
        while (ticket := next(numbers)) < number:
            await timed(caller, connect_request(f"ticket-{ticket:036d}", TOKEN), answers)
        caller.close()

    await asyncio.gather(*map(connect, callers))
    return answers
