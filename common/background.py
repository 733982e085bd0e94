"""Tasks that run while a context lasts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def in_background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run each coroutine in a task, and cancel the tasks at the end of the block.

    An error in a task is logged at once, with its traceback, because nothing awaits the task before the end. The error
    does not end the block, and does not prevent the cleanup after the block.
    """
    tasks = [asyncio.create_task(each, name=getattr(each, "__qualname__", None)) for each in work]
    for task in tasks:
        task.add_done_callback(_log_error)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _log_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        message = f"the background task {task.get_name()} ended with an error"
        task.get_loop().call_exception_handler({"message": message, "exception": error})
