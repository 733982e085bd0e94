"""Keeps commands in order per key. Pure: no clock, no I/O.

A key is a channel or a user. Each key has a queue, its lane. When a record is received, each of its commands joins the
queues of all keys of the command. A command is ready when it is first in all its queues and the previous command of its
record has finished. So a command waits only for commands that were received earlier, and a deadlock is impossible. If
`burst` is above 1, commands behind a ready command may be sent in the same request.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from itertools import count
from typing import Generic, NamedTuple, Protocol, TypeVar


class Sendable(Protocol):
    """The attributes of a command that lanes use.

    A request may contain several commands with the same key, at most `burst`. If these commands have different values
    of `burst`, the smallest value counts.
    """

    @property
    def keys(self) -> tuple[str, ...]: ...
    @property
    def encoded(self) -> bytes: ...
    @property
    def burst(self) -> int: ...


class State(Enum):
    """The state of a task."""

    QUEUED = auto()
    IN_FLIGHT = auto()
    GONE = auto()


# Module-level names: every command reads them several times, and reading a member of an Enum is slower.
QUEUED, IN_FLIGHT, GONE = State

S = TypeVar("S", bound=Sendable)
O = TypeVar("O")  # noqa: E741  (the owner: what a task belongs to)


class Task(Generic[S, O]):
    """A command in delivery.

    `attempts` counts the requests that contained the command. `failures` counts the temporary errors in their answers.
    `waits` is the number of queues in which the command is not first, plus 1 until the previous command of its record
    has finished. While `delayed` is true, the command also waits until its retry is due.
    """

    __slots__ = ("__weakref__", "attempts", "command", "delayed", "failures", "follower", "owner", "state", "waits")

    def __init__(self, command: S, owner: O) -> None:
        self.command = command
        self.owner = owner
        self.state = QUEUED
        self.attempts = 0
        self.failures = 0
        self.waits = 0
        self.delayed = False
        self.follower: Task[S, O] | None = None


class Batch(NamedTuple, Generic[S, O]):
    """The commands of one request. `ordered` is true if some of them share a key and must run one by one."""

    tasks: list[Task[S, O]]
    ordered: bool


class Lanes(Generic[S, O]):
    """All unfinished commands."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Task[S, O]]] = {}
        self._ready: deque[Task[S, O]] = deque()
        self._delayed: list[tuple[float, int, Task[S, O]]] = []
        self._serial = count()

    def __len__(self) -> int:
        """The number of keys with commands."""
        return len(self._queues)

    def add(self, commands: Sequence[S], owner: O) -> list[Task[S, O]]:
        """Queue the commands of one record. They are sent one after another."""
        tasks: list[Task[S, O]] = []
        for command in commands:
            task = Task(command, owner)
            if tasks:
                tasks[-1].follower = task
                task.waits = 1
            self._enqueue(task)
            tasks.append(task)
        return tasks

    def _enqueue(self, task: Task[S, O]) -> None:
        for key in task.command.keys:
            queue = self._queues.get(key)
            if queue is None:
                self._queues[key] = deque((task,))
            else:
                queue.append(task)
                task.waits += 1
        if task.waits == 0:
            self._ready.append(task)

    def take(self, most: int, most_bytes: int) -> Batch[S, O]:
        """The next request: ready commands and, as far as `burst` allows, commands behind them in their queues.

        It has at most `most` commands and `most_bytes` bytes. The first command is taken even if it is longer.
        """
        taken: list[Task[S, O]] = []
        ordered = False
        size = 0
        while self._ready and len(taken) < most:
            head = self._ready[0]
            if head.state is not QUEUED:
                self._ready.popleft()
                continue
            if taken and size + len(head.command.encoded) > most_bytes:
                break
            self._ready.popleft()
            run = (head,) if head.command.burst == 1 else self._run_of(head, most - len(taken))
            for task in run:
                length = len(task.command.encoded)
                if taken and size + length > most_bytes:
                    break
                ordered = ordered or task is not head
                size += length
                task.state = IN_FLIGHT
                task.attempts += 1
                taken.append(task)
        return Batch(taken, ordered)

    def _run_of(self, head: Task[S, O], most: int) -> Sequence[Task[S, O]]:
        """The first command of a lane, and the commands behind it that may be in the same request."""
        burst = min(head.command.burst, most)
        if burst <= 1 or len(head.command.keys) != 1:
            return [head]
        run = [head]
        for task in _after_the_first(self._queues[head.command.keys[0]]):
            burst = min(burst, task.command.burst)
            if len(run) >= burst or task.state is not QUEUED or not _waits_only_for_its_lane(task):
                break
            run.append(task)
        return run

    def done(self, task: Task[S, O]) -> None:
        """Note that a command in flight has finished, with or without success. Releases the commands behind it."""
        self._remove(task)

    def failed(self, task: Task[S, O], until: float) -> None:
        """Note that a command in flight must be sent again, at `until` or later. The commands behind it wait too."""
        task.state = QUEUED
        task.failures += 1
        task.delayed = True
        heapq.heappush(self._delayed, (until, next(self._serial), task))

    def put_back(self, tasks: Iterable[Task[S, O]]) -> None:
        """Note that commands in flight must be sent again at once, before the commands that are ready now."""
        for task in reversed(list(tasks)):
            task.state = QUEUED
            if task.waits == 0:
                self._ready.appendleft(task)

    def wake(self, now: float) -> float | None:
        """Make delayed commands ready if they are due. Returns the time of the next call; None if none is delayed."""
        while self._delayed and (self._delayed[0][0] <= now or self._delayed[0][2].state is GONE):
            task = heapq.heappop(self._delayed)[2]
            task.delayed = False
            if task.state is QUEUED and task.waits == 0:
                self._ready.append(task)
        return self._delayed[0][0] if self._delayed else None

    @property
    def has_ready(self) -> bool:
        """True if `take` has a command to return."""
        while self._ready and self._ready[0].state is not QUEUED:
            self._ready.popleft()
        return bool(self._ready)

    def first_of(self, key: str) -> Task[S, O] | None:
        """The first unfinished command with this key; None if there is none."""
        queue = self._queues.get(key)
        return queue[0] if queue else None

    def let_go(self, tasks: Iterable[Task[S, O]]) -> None:
        """Remove the queued commands among `tasks`. Commands in flight stay."""
        for task in tasks:
            if task.state is QUEUED:
                self._remove(task)

    def narrow(self, task: Task[S, O], command: S) -> None:
        """Replace a command in flight by one with fewer keys. The task leaves the queues of the other keys."""
        released = [key for key in task.command.keys if key not in command.keys]
        task.command = command
        self._leave(task, released)

    def _remove(self, task: Task[S, O]) -> None:
        task.state = GONE
        self._leave(task, task.command.keys)
        if task.follower is not None:
            self._one_wait_less(task.follower)

    def _leave(self, task: Task[S, O], keys: Iterable[str]) -> None:
        for key in keys:
            queue = self._queues[key]
            if queue[0] is not task:
                queue.remove(task)
                continue
            queue.popleft()
            if queue:
                self._one_wait_less(queue[0])
            else:
                del self._queues[key]

    def _one_wait_less(self, task: Task[S, O]) -> None:
        task.waits -= 1
        if task.waits == 0 and task.state is QUEUED and not task.delayed:
            self._ready.append(task)


def _waits_only_for_its_lane(task: Task[S, O]) -> bool:
    """True if this task waits only for the tasks before it in its lane. It must not be the first task of the lane."""
    return task.waits == 1 and not task.delayed and len(task.command.keys) == 1


def _after_the_first(queue: deque[Task[S, O]]) -> Iterator[Task[S, O]]:
    tasks = iter(queue)
    next(tasks, None)
    return tasks
