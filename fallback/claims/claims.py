"""Claims tickets for one process: asks the store within a deadline, and decides alone if the store does not answer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

from fallback.claims.gate import Gate
from fallback.claims.keys import ticket_key
from fallback.claims.store import ClaimStore, StoreError, StoreKind

T = TypeVar("T")


class OnError(StrEnum):
    """What happens to a ticket if the store does not answer the claim."""

    REFUSE = "refuse"
    LOCAL = "local"


class Result(StrEnum):
    """The result of a claim. CONFLICT may follow LOCAL later: another process has used the ticket too."""

    WON = "won"
    USED = "used"
    ERROR = "error"
    LOCAL = "local"
    CONFLICT = "conflict"


class StoreDown(NamedTuple):
    """The store does not answer."""

    kind: StoreKind
    reason: str
    on_error: OnError


class StoreUp(NamedTuple):
    """The store answers again. `unsent` is the number of claims that must still be sent to it."""

    kind: StoreKind
    unsent: int


class StoreEvicts(NamedTuple):
    """The store may forget claims. Their tickets would then be usable again."""

    policy: str


class Conflict(NamedTuple):
    """Another process has used a ticket that was accepted locally. `conflicts` is the total so far."""

    conflicts: int


ClaimsNotice = StoreDown | StoreUp | StoreEvicts | Conflict


class ClaimsState(NamedTuple):
    """For health and metrics. Without a store, all fields other than `store` are None.

    `up` is None until the store has answered or failed. `used` is None until the store has answered.
    """

    store: StoreKind
    up: bool | None
    used: int | None
    on_error: OnError | None


class Claims(Protocol):
    """Decides whether a ticket that this process has consumed may be accepted."""

    @property
    def used(self) -> int | None:
        """How many tickets of the pool the fleet has used, as the store last reported; None if unknown."""

    async def claim(self, digest: bytes) -> Result:
        """Claim the ticket with this SHA-256 digest.

        WON and LOCAL: accept the client. USED: refuse permanently. ERROR: refuse for now, and put the ticket back.
        """

    def state(self) -> ClaimsState: ...


class NoClaims:
    """Without a store, each process decides alone about the tickets that it has consumed. Never waits."""

    used: int | None = None

    async def claim(self, digest: bytes) -> Result:
        return Result.WON

    def state(self) -> ClaimsState:
        return ClaimsState(StoreKind.NONE, None, None, None)


class Observer(Protocol):
    """Receives the events of claims."""

    def claimed(self, result: Result, seconds: float | None) -> None:
        """A claim ended. `seconds` is the time that the store took; None for CONFLICT or if it was not called."""

    def noticed(self, notice: ClaimsNotice) -> None: ...


@dataclass(slots=True)
class SharedClaims:
    """Claims in a store.

    `unsent` has the keys of tickets that were accepted locally and whose claims the store has not answered yet.
    """

    store: ClaimStore
    on_error: OnError
    deadline_s: float
    monotonic: Callable[[], float]
    observer: Observer
    gate: Gate = field(default_factory=Gate)
    used: int | None = None
    unsent: deque[str] = field(default_factory=deque)
    conflicts: int = 0
    _up: bool | None = None
    _inspected: bool = False

    def state(self) -> ClaimsState:
        return ClaimsState(self.store.kind, self._up, self.used, self.on_error)

    async def claim(self, digest: bytes) -> Result:
        """Ask the store about a ticket. If the gate allows no call, decide immediately by `on_error`."""
        key, begun = ticket_key(digest), self.monotonic()
        if not self.gate.allows_call(begun):
            return self._unanswered(key, None)
        try:
            answer = await self._called(self.store.claim(key), begun)
        except StoreError:
            return self._unanswered(key, self.monotonic() - begun)
        self.used = max(self.used or 0, answer.used)
        result = Result.WON if answer.mine else Result.USED
        self.observer.claimed(result, self.monotonic() - begun)
        return result

    def _unanswered(self, key: str, seconds: float | None) -> Result:
        result = Result.ERROR
        if self.on_error is OnError.LOCAL:
            self.unsent.append(key)
            result = Result.LOCAL
        self.observer.claimed(result, seconds)
        return result

    async def contact(self) -> bool:
        """Ask the store how many tickets are used. True if it answered."""
        try:
            self.used = await self._called(self.store.contact(), self.monotonic())
            if not self._inspected:
                await self._inspect()
        except StoreError:
            return False
        return True

    async def _inspect(self) -> None:
        """Warn if the store may forget claims: once at first, and once after each recovery."""
        policy = await self._called(self.store.evicts(), self.monotonic())
        self._inspected = True
        if policy:
            self.observer.noticed(StoreEvicts(policy))

    async def send_unsent(self, most: int) -> None:
        """Send up to `most` claims for locally accepted tickets. A key stays queued until the store answers."""
        for _ in range(min(most, len(self.unsent))):
            try:
                answer = await self._called(self.store.claim(self.unsent[0]), self.monotonic())
            except StoreError:
                return
            self.unsent.popleft()
            self.used = max(self.used or 0, answer.used)
            if not answer.mine:
                self.conflicts += 1
                self.observer.claimed(Result.CONFLICT, None)
                self.observer.noticed(Conflict(self.conflicts))

    async def _called(self, call: Awaitable[T], begun: float) -> T:
        """The store's answer within the deadline; also updates the gate. Raises StoreError."""
        try:
            async with asyncio.timeout(self.deadline_s):
                answer = await call
        except TimeoutError:
            reason = f"no answer within {self.deadline_s * 1000:.0f} ms"
            self._failed(begun, reason)
            raise StoreError(reason) from None
        except StoreError as error:
            self._failed(begun, str(error))
            raise
        self.gate.succeeded(self.monotonic())
        if self._up is False:
            self.observer.noticed(StoreUp(self.store.kind, len(self.unsent)))
        self._up = True
        return answer

    def _failed(self, begun: float, reason: str) -> None:
        self.gate.failed(begun, self.monotonic())
        if not self.gate.open and self._up is not False:
            self._up = self._inspected = False
            self.observer.noticed(StoreDown(self.store.kind, reason, self.on_error))
