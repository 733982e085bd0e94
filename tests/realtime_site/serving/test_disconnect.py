"""Detecting callers that have hung up, and bodies that are too slow."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from realtime_site.serving.asgi_types import Message
from realtime_site.serving.disconnect import BODY_TIMEOUT_S, CHECK_EVERY_S, AsgiCaller, Watch


@dataclass
class Line:
    """The server's side of a connection. `asked` counts the calls of `receive`."""

    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    asked: int = 0

    async def receive(self) -> Message:
        self.asked += 1
        return await self.messages.get()

    def hang_up(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


@pytest.fixture
def line() -> Line:
    return Line()


def waiting_request() -> "asyncio.Task[bool]":
    """A request that runs until it is cancelled."""
    return asyncio.create_task(asyncio.Event().wait())


def caller_of(line: Line, task: "asyncio.Task[bool] | None" = None, *, reading: bool = False) -> AsgiCaller:
    caller = AsgiCaller(line.receive, task, since=0)
    caller.reading = reading
    return caller


async def test_a_caller_that_waits_is_not_gone(line: Line) -> None:
    caller = caller_of(line)

    assert not await caller.gone()
    assert not await caller.gone()
    caller.close()


async def test_a_caller_that_has_hung_up_is_gone(line: Line) -> None:
    caller = caller_of(line)
    line.hang_up()

    assert await caller.gone()


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_hang_up_is_noticed_even_before_the_event_loop_has_processed_it(line: Line, turns: int) -> None:
    caller = caller_of(line)
    later(turns, line.hang_up)

    assert await caller.gone()


def later(turns: int, act: Callable[[], None]) -> None:
    """Call `act` after this many iterations of the event loop."""
    loop = asyncio.get_running_loop()
    loop.call_soon(act if turns == 1 else lambda: later(turns - 1, act))


async def test_a_late_part_of_a_body_is_not_a_hang_up(line: Line) -> None:
    caller = caller_of(line)
    line.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    assert not await caller.gone()
    line.hang_up()
    assert await caller.gone()


async def test_the_request_of_a_caller_that_hangs_up_is_cancelled(line: Line) -> None:
    task = waiting_request()
    caller = caller_of(line, task)
    caller.check(CHECK_EVERY_S)

    line.hang_up()
    await asyncio.wait([task], timeout=1)

    assert (task.cancelled(), caller.hung_up) == (True, True)


async def test_a_quick_request_is_not_watched_for_a_disconnect(line: Line) -> None:
    caller = caller_of(line)

    caller.check(CHECK_EVERY_S - 0.001)
    await asyncio.sleep(0)

    assert line.asked == 0


async def test_a_finished_request_is_not_cancelled(line: Line) -> None:
    task = waiting_request()
    caller = caller_of(line, task)
    caller.check(CHECK_EVERY_S)
    await asyncio.sleep(0)

    caller.close()
    line.hang_up()
    await asyncio.sleep(0.01)

    assert (task.done(), caller.hung_up) == (False, False)
    task.cancel()


@pytest.mark.parametrize(("age_s", "cancelled"), [(BODY_TIMEOUT_S, False), (BODY_TIMEOUT_S + 0.1, True)])
async def test_the_request_is_cancelled_if_its_body_does_not_arrive(line: Line, age_s: float, cancelled: bool) -> None:
    task = waiting_request()
    caller = caller_of(line, task, reading=True)

    caller.check(age_s)
    await asyncio.sleep(0)

    assert (caller.too_slow, bool(task.cancelling()), caller.hung_up) == (cancelled, cancelled, False)
    task.cancel()


async def test_a_request_with_a_slow_body_is_cancelled_once(line: Line) -> None:
    task = waiting_request()
    caller = caller_of(line, task, reading=True)

    for age_s in (BODY_TIMEOUT_S + 1, BODY_TIMEOUT_S + 2):
        caller.check(age_s)

    assert task.cancelling() == 1


async def test_a_request_with_a_complete_body_has_no_time_limit(line: Line) -> None:
    task = waiting_request()
    caller = caller_of(line, task)

    caller.check(BODY_TIMEOUT_S * 10)
    await asyncio.sleep(0)

    assert not task.cancelling()
    caller.close()
    task.cancel()


async def test_a_watch_detects_the_hang_up_of_a_slow_request(line: Line) -> None:
    watch = Watch(asyncio.get_running_loop())

    async def serve() -> None:
        caller = watch.enter(line.receive)
        caller.reading = False
        try:
            await asyncio.Event().wait()
        finally:
            watch.leave(caller)

    task = asyncio.create_task(serve())
    line.hang_up()
    await asyncio.wait([task], timeout=1)

    assert task.cancelled()


async def test_a_watch_without_requests_has_no_timer(line: Line) -> None:
    watch = Watch(asyncio.get_running_loop())
    watch.leave(watch.enter(line.receive))

    await asyncio.sleep(CHECK_EVERY_S * 1.5)

    assert watch._timer is None
