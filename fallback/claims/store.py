"""The interface of a store of claims."""

from enum import StrEnum
from typing import Final, NamedTuple, Protocol

KEPT_S: Final = 400 * 24 * 3600  # the minimum time for which a store keeps a claim that it does not evict


class StoreKind(StrEnum):
    """The place where claims are kept; `/health` shows the value. NONE: each process keeps its own claims."""

    NONE = "none"
    REDIS = "redis"
    FILE = "file"


class Answer(NamedTuple):
    """`mine` is True if the claim belongs to this process. `used` is the number of used tickets of the pool."""

    mine: bool
    used: int


class StoreError(Exception):
    """The store did not answer, or refused. The claim may still have been recorded.

    The message is a reason for a log line. It never contains a key, an address or a password.
    """


class ClaimStore(Protocol):
    """A store of claims, for one pool and one process."""

    @property
    def kind(self) -> StoreKind: ...

    async def claim(self, key: str) -> Answer:
        """Record this process's claim of `key` (see `ticket_key`) if `key` has no claim yet. Raises StoreError."""

    async def contact(self) -> int:
        """The number of used tickets of the pool. Also checks that a claim could be recorded. Raises StoreError."""

    async def evicts(self) -> str:
        """The name of the policy under which the store may forget claims; "" if none is known. Raises StoreError."""

    async def close(self) -> None:
        """Release connections and threads. No other call may follow."""
