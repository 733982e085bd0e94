"""The slots of session events, and the shares of them that may wait for services.

An event that waits for a service keeps its slot. So the events that wait for one service have a share of the slots, and
all waiting events together leave some slots free: a service that hangs stops neither the events of other services, nor
those that need no service.
"""

from dataclasses import dataclass, field
from typing import Final

from centrifugo_proxy.peers.capacity import Capacity
from common.adaptive_limit import AdaptiveLimit

# An eighth of the slots, rounded down, is reserved for connects. Otherwise session events that wait for one hanging
# service could take every slot, while identity would answer every connect. Of the other slots an eighth, and at least
# one if there are two, is reserved for events that wait for no service.
RESERVED_DIVISOR: Final = 8
# The places that a service may hold for each place that is still free. With 2, one service that hangs holds two thirds
# of the places. With 1 it would hold half, and a slow service that works would get only 39 calls at a limit of 100.
PER_FREE_PLACE: Final = 2


class ShareTaken(Exception):
    """The events that wait for the service have taken its share of the slots."""


@dataclass(slots=True)
class SessionSlots:
    """The part of a limit that session events may take: all slots except those that are reserved for connects.

    `waiting` counts the slots whose events wait for a service.
    """

    whole: Capacity | AdaptiveLimit
    taken: int = 0
    waiting: int = 0
    shares: "list[Share]" = field(default_factory=list)

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot of the whole; False if it refuses, or if session events have taken their part."""
        if self.taken - self.whole.overstaying >= _unreserved(int(self.whole.limit)):
            self.whole.refused_by_part()
            return False
        entered = self.whole.enter(waited_s)
        self.taken += entered
        return entered

    def leave(self, latency_s: float) -> None:
        """Release the slot. The whole does not learn the latency: it adapts to that of connects. The latency of session
        events depends on further services, and a lower limit makes none of them faster.
        """
        self.taken -= 1
        self.whole.leave()

    @property
    def room(self) -> int:
        """The number of slots whose events may wait for services."""
        part = _unreserved(int(self.whole.limit))
        return max(1, part - max(1, part // RESERVED_DIVISOR))

    def share(self) -> "Share":
        """The share of one more service."""
        self.shares.append(Share(self))
        return self.shares[-1]

    def limit_was_cut(self) -> None:
        """Stop counting the events above the new limit that wait for services. Only their services can end them, and
        counted, they would keep out all other requests until then.
        """
        fair = PER_FREE_PLACE * self.room // (PER_FREE_PLACE * len(self.shares) + 1)
        for share in self.shares:
            share.overstaying = max(0, share.taken - fair)
        self.whole.overstaying = sum(share.overstaying for share in self.shares)


def _unreserved(slots: int) -> int:
    return slots - slots // RESERVED_DIVISOR


@dataclass(slots=True)
class Share:
    """The session events that wait for one service: at most PER_FREE_PLACE for each free place in the room.

    So one service that hangs holds two thirds of the room, and two hold two fifths each: a further service still finds
    some.
    """

    slots: SessionSlots
    taken: int = 0
    overstaying: int = 0

    def enter(self) -> bool:
        """Let one more event wait for the service; False if its share is taken."""
        slots = self.slots
        free = slots.room - slots.waiting + slots.whole.overstaying - self.overstaying
        if self.taken >= PER_FREE_PLACE * free:
            slots.whole.refused_by_part()
            return False
        self.taken += 1
        slots.waiting += 1
        return True

    def leave(self) -> None:
        """The event no longer waits."""
        self.taken -= 1
        self.slots.waiting -= 1
        if self.overstaying:
            self.overstaying -= 1
            self.slots.whole.overstaying -= 1
