"""A client that connects just before a server ends."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

T = TypeVar("T")


def warnings_of_late_connection(
    server: Callable[[], AbstractAsyncContextManager[T]], port_of: Callable[[T], int], turns: int
) -> list[str]:
    """Connect a client, end the server after `turns` iterations of the event loop, and return the warnings.

    A connection that the server leaves open causes a ResourceWarning when it is garbage-collected.
    """

    async def connect_and_end() -> None:
        async with server() as running:
            client.connect(("127.0.0.1", port_of(running)))
            for _ in range(turns):
                await asyncio.sleep(0)

    with socket.socket() as client, warnings.catch_warnings(record=True, action="always") as warned:
        asyncio.run(connect_and_end())
        gc.collect()
    return [str(each.message) for each in warned]
