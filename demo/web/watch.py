"""Reads the service's health and metrics twice a second."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import ClientError, ClientSession

from demo.web.board import Board
from demo.web.readings import read

INTERVAL_S = 0.5


@asynccontextmanager
async def watching(session: ClientSession, service_url: str, board: Board) -> AsyncIterator[None]:
    """Updates the board in the background until the context ends."""
    task = asyncio.create_task(_watch(session, service_url, board))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(session: ClientSession, service_url: str, board: Board) -> None:
    while True:
        with suppress(ClientError, TimeoutError, OSError):  # the service has not started yet, or has ended
            await _look(session, service_url, board)
        await asyncio.sleep(INTERVAL_S)


async def _look(session: ClientSession, service_url: str, board: Board) -> None:
    async with session.get(f"{service_url}/health") as answer:
        health = await answer.json()
    async with session.get(f"{service_url}/metrics") as answer:
        text = await answer.text()
    board.take(health, read(text), time.monotonic())
