"""Counts the instructions of a whole process under load, with valgrind: user space, real sockets, all threads."""

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

# Few, because requests wait long under valgrind: after 50 ms the service begins to check whether the caller hung up.
CONNECTIONS: Final = 4
WARM_UP: Final = 150
SETTLE_S: Final = 6.0  # so that the export of the last spans is counted
START_S: Final = 120.0  # valgrind is some fifty times slower
COLLECTED: Final = re.compile(r"Collected : (\d+)")
COUNT: Final = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null")


def require_valgrind() -> None:
    """Raises BenchError without valgrind."""
    if shutil.which("valgrind") is None:
        raise BenchError("valgrind is not installed; on Debian, install the package valgrind.")


def per_request(arguments: list[str], port: int, environment: Mapping[str, str], requests: int, status: int) -> float:
    """Instructions of `python arguments` per connect, each of which is answered with `status`. Raises BenchError."""
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
    """The instructions that valgrind reports in the output of this process. Raises BenchError."""
    found = COLLECTED.search(output)
    if found is None:
        raise BenchError(f"{name} was not counted. The end of its output:\n{output[-3000:]}")
    return int(found[1])


async def _load(pid: int, port: int, requests: int, status: int) -> set[int]:
    """The statuses of the answers. For status 503, one connect that is never answered takes the only slot."""
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
