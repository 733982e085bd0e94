"""Kafka and the bridge of the demonstration."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from demo.bridge import running_bridge
from tests.harness.listening import family
from tests.harness.waiting import until
from tools.kafka.broker import why_missing

pytestmark = pytest.mark.processes


@pytest.mark.skipif(bool(why_missing()), reason=why_missing() or "Kafka is available")
async def test_cancelling_the_start_of_kafka_ends_kafka(tmp_path: Path) -> None:
    stack = AsyncExitStack()
    starting = asyncio.create_task(stack.enter_async_context(running_bridge(tmp_path, "http://127.0.0.1:1/api", "key")))
    await until(lambda: list(children_in(tmp_path / "kafka")))
    starting.cancel()
    await asyncio.wait([starting])

    left = list(children_in(tmp_path / "kafka"))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert starting.cancelled()
    assert left == []


def children_in(folder: Path) -> Iterator[int]:
    """The ids of the processes that this process has started, and that run in the folder."""
    for pid in family(os.getpid()):
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/cwd").readlink() == folder:
                yield pid
