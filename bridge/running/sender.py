"""Sends ready commands to Centrifugo, in several concurrent requests, and handles the verdicts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from bridge.centrifugo.api import Api
from bridge.commands import Command, Poison, Publish, Reason
from bridge.delivery.backoff import Backoff
from bridge.delivery.lanes import Batch, State
from bridge.delivery.verdicts import DONE, Failure, Kind, Outcome, Verdict
from bridge.delivery.work import Item, Sending, Work
from bridge.running.outage import Outage, OutageState
from bridge.running.sending import Limits, Observer
from bridge.running.spans import Tracer
from bridge.running.tracebacks import without_text

MISCONFIGURED_S: Final = 60.0

logger = logging.getLogger("bridge")


class Sender:
    """Sends batches from `work`, with at most `limits.requests` requests in flight.

    `on_finished` is called when `Work.finished` reports that all commands of a record have finished. `monotonic` is in
    seconds. `spread` returns a random number from -0.5 to 0.5.
    """

    def __init__(
        self,
        *,
        work: Work,
        api: Api,
        check: Callable[[], Awaitable[None]],
        limits: Limits,
        backoff: Backoff,
        observer: Observer,
        tracer: Tracer,
        on_finished: Callable[[Item], None],
        monotonic: Callable[[], float],
        spread: Callable[[], float],
    ) -> None:
        self._work = work
        self._api = api
        self._check = check
        self._prober: asyncio.Task[None] | None = None
        self._limits = limits
        self._backoff = backoff
        self._observer = observer
        self._tracer = tracer
        self._on_finished = on_finished
        self._monotonic = monotonic
        self._spread = spread
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._outage = Outage()
        self._successes = 0
        self._successes_before: WeakKeyDictionary[Sending, int] = WeakKeyDictionary()
        self._refusal_logged_at = -MISCONFIGURED_S
        self._stopped = False
        self.on_change: Callable[[], None] = lambda: None

    @property
    def outage(self) -> OutageState:
        """The current outage of Centrifugo; its `since` is None while Centrifugo answers."""
        return self._outage.state

    def pump(self) -> None:
        """Send all commands that may be sent now. Call it whenever commands may have become ready."""
        if self._stopped:
            return
        self._wake()
        while not self._outage.open and len(self._tasks) < self._limits.requests and self._work.lanes.has_ready:
            self._start(self._request(self._work.take(self._limits.batch_max, self._limits.batch_bytes)))

    def _wake(self) -> None:
        """Make delayed commands ready if they are due, and schedule a call of `pump` for the others."""
        at = self._work.lanes.wake(self._monotonic())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            delay_s = max(0.0, at - self._monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.pump)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.on_change()
        self.pump()

    async def _request(self, batch: Batch[Command, Item]) -> None:
        """Send the batch; if it is empty, a command without side effects. A failure begins or continues an outage."""
        try:
            await (self._send(batch.tasks, ordered=batch.ordered) if batch.tasks else self._check_api())
        except Failure as failure:
            self._fail(batch.tasks, failure)
        except Exception as error:
            logger.error("sending failed with an internal error", extra=without_text(error))
            under_way = [task for task in batch.tasks if task.state is State.IN_FLIGHT]
            self._fail(under_way, Failure(Outcome.OUTAGE, "bad_reply", "internal error"))

    def _fail(self, tasks: Sequence[Sending], failure: Failure) -> None:
        """Put back commands that got no usable answer. Begin an outage if there is none.

        Any answered request ends the outage.
        """
        self._work.put_back(tasks)
        self._observer.retried(failure.cause, len(tasks))
        if failure.outcome is Outcome.MISCONFIGURED:
            self._log_refusal(failure)
        if self._outage.failed(self._monotonic()):
            logger.warning("Centrifugo gives no usable answer; retrying", extra={"cause": failure.cause})
        if (self._prober is None or self._prober.done()) and not self._stopped:
            self._prober = self._start(self._probe())

    def _log_refusal(self, failure: Failure) -> None:
        now = self._monotonic()
        if now - self._refusal_logged_at >= MISCONFIGURED_S:
            self._refusal_logged_at = now
            logger.error(
                "Centrifugo refuses the bridge, or its certificate is not trusted: check CENTRIFUGO_API_URL, "
                "CENTRIFUGO_API_KEY and CENTRIFUGO_API_TLS_CA_FILE",
                extra={"detail": failure.detail},
            )

    async def _probe(self) -> None:
        """Send one request at a time until Centrifugo answers. Meanwhile, `pump` starts no requests."""
        while self._outage.open and not self._stopped:
            await asyncio.sleep(self._backoff.delay_s(self._outage.state.tries, self._spread()))
            self._work.lanes.wake(self._monotonic())
            await self._request(self._work.take(self._probe_size(), self._limits.batch_bytes))
            self.on_change()

    def _probe_size(self) -> int:
        """The number of commands in a probe. Each failure halves it: Centrifugo may be too slow for a full batch."""
        return max(1, self._limits.batch_max >> self._outage.state.tries)

    async def _check_api(self) -> None:
        await self._check()
        self._answered()

    async def _send(self, tasks: Sequence[Sending], *, ordered: bool) -> None:
        """Send one request. If Centrifugo refuses the whole request, send one request per command."""
        answer = await self._request_verdicts(tasks, ordered=ordered)
        self._answered()
        if isinstance(answer, Failure):
            await self._send_singly(tasks, answer)
        else:
            self._apply_verdicts(tasks, answer)

    async def _request_verdicts(self, tasks: Sequence[Sending], *, ordered: bool) -> list[Verdict] | Failure:
        """Send one request. Returns the failure if Centrifugo refuses the whole request. Raises other failures."""
        span = self._tracer.request([task.owner.record for task in tasks], len(tasks))
        self._observer.requesting(len(tasks))
        began = self._monotonic()
        failure: Failure | None = None
        try:
            return await self._api.send([task.command for task in tasks], ordered=ordered, headers=span.headers)
        except Failure as error:
            failure = error
            if error.outcome is Outcome.SPLIT:
                return error
            raise
        finally:
            self._observer.requested(self._monotonic() - began)
            span.end(failure)

    async def _send_singly(self, tasks: Sequence[Sending], refusal: Failure) -> None:
        """Send each command in its own request, because one bad command makes Centrifugo refuse a whole batch.

        If a command of a burst fails temporarily, the commands behind it are put back: they must not overtake it.
        """
        if len(tasks) == 1:
            detail = f"{refusal.detail} for a request with this command alone"
            self._finish(tasks[0], _poison(tasks[0], Reason.REJECTED, detail))
            return
        self._observer.retried(refusal.cause, len(tasks))
        for number, task in enumerate(tasks):
            if task.waits or not self._work.is_ours(task):
                self._work.put_back([task])
                continue
            task.attempts += 1
            try:
                await self._send([task], ordered=False)
            except Failure as failure:
                self._work.put_back(tasks[number + 1 :])
                self._fail([task], failure)
                return

    def _answered(self) -> None:
        ended = self._outage.answered()
        if ended is not None and ended.since is not None:
            lasted_s = round(self._monotonic() - ended.since, 3)
            logger.info("Centrifugo answers again", extra={"outage_s": lasted_s, "tries": ended.tries})

    def _apply_verdicts(self, tasks: Sequence[Sending], verdicts: Sequence[Verdict]) -> None:
        self._observer.done([task for task, verdict in zip(tasks, verdicts, strict=True) if verdict is DONE])
        for task, verdict in zip(tasks, verdicts, strict=True):
            if verdict is DONE:
                self._successes += 1
                self._finish(task, None)
            elif verdict.kind is Kind.TEMPORARY:
                self._try_again(task, verdict)
            else:
                self._finish(task, _poison(task, Reason(verdict.reason), verdict.detail))

    def _try_again(self, task: Sending, verdict: Verdict) -> None:
        if self._is_given_up(task):
            self._give_up(task)
            return
        if verdict.reason:
            task.owner.failures.append(_poison(task, Reason(verdict.reason), verdict.detail))
        if verdict.again and isinstance(task.command, Publish):
            channels = task.command.channels
            self._work.lanes.narrow(task, task.command.only(channels[number] for number in verdict.again))
        self._observer.retried(verdict.cause, 1)
        self._work.retry(task, self._monotonic() + self._backoff.delay_s(task.failures + 1, self._spread()))

    def _is_given_up(self, task: Sending) -> bool:
        """True if the command has no attempts left, and other commands have succeeded since its first error.

        Then the command is at fault, not Centrifugo. After a command is given up, the successes for the next command
        with the same key count from the first error of the given-up command. If they counted from the next command's
        own first error, failing commands could fill the bridge until no other command can succeed.
        """
        most = self._limits.max_attempts
        if not most:
            return False
        before = self._successes_before.setdefault(task, self._successes)
        return most <= task.failures + 1 and self._successes > before

    def _give_up(self, task: Sending) -> None:
        before, keys = self._successes_before[task], task.command.keys
        self._finish(task, _poison(task, Reason.GAVE_UP, f"temporary error {task.failures + 1} times"))
        for key in keys:
            if (following := self._work.lanes.first_of(key)) is not None:
                self._successes_before[following] = min(before, self._successes_before.get(following, before))

    def _finish(self, task: Sending, failure: Poison | None) -> None:
        if task.failures:
            self._successes_before.pop(task, None)
        if failure is not None:
            self._observer.failed(task)
        if self._work.finished(task, failure):
            self._on_finished(task.owner)

    async def stop(self) -> None:
        """Stop sending, and cancel requests in flight."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _poison(task: Sending, reason: Reason, detail: str) -> Poison:
    return Poison(reason, detail, task.command.route, task.command.action)
