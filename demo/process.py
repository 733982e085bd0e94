"""Starts child processes, waits until they listen, and ends them by their id."""

import asyncio
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common.os_errors import reason
from demo.errors import DemoError
from demo.identity import LOOPBACK

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 15.0


class Part(Protocol):
    """A running part of the demonstration."""

    async def end(self) -> DemoError:
        """Wait until the part ends by itself. Returns the error that reports this."""


@dataclass(frozen=True)
class Child:
    """A child process, and its name in messages."""

    name: str
    process: Process

    async def end(self) -> DemoError:
        """Implements `Part.end`."""
        await self.process.wait()
        return ended(self.name, self.process)


def require_free(port: int) -> None:
    """Raises DemoError if this program cannot listen on the port. Usually, another program already listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise DemoError(
                f"Cannot listen on {LOOPBACK}:{port}: {reason(error)}. "
                "Choose another port, for example make run LISTEN_PORT=9740, or end the program that uses this port."
            ) from None


@asynccontextmanager
async def child(name: str, command: list[str], environment: Mapping[str, str], port: int) -> AsyncIterator[Child]:
    """Run `command` as a child process, and wait until it listens on `port`. `environment` is its complete environment.

    Raises DemoError if the process ends before it listens, or if it does not listen in time.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=environment,
        start_new_session=True,  # Ctrl-C must reach only this program, which ends its children in order
    )
    try:
        await _listening(name, process, port)
        yield Child(name, process)
    finally:
        await _end(process)


async def _listening(name: str, process: Process, port: int) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while process.returncode is None and not await _answers(port):  # noqa: ASYNC110  (there is no event to wait for)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DemoError(f"{name} does not listen after {START_TIMEOUT_S:.0f} seconds.") from None
    if process.returncode is not None:
        raise ended(name, process)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def ended(name: str, process: Process) -> DemoError:
    """The error for a child process that ended by itself."""
    return DemoError(f"{name} ended with code {process.returncode}; the reason is above.")


async def first_to_end(parts: Sequence[Part]) -> DemoError:
    """Wait until one of these parts ends. Returns its error."""
    waits = [asyncio.create_task(part.end()) for part in parts]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return done.pop().result()


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
