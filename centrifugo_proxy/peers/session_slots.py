"""The slots of session events, and the share of the slots that each service may take.

An event that waits for a service keeps its slot. If a service hangs, the events that wait for it must not take all
slots. So the events that wait for one service may take only a share of the slots. All waiting events together leave
some slots free for events that need no service.
"""

from dataclasses import dataclass, field
from typing import Final

from centrifugo_proxy.peers.capacity import Capacity
from common.adaptive_limit import AdaptiveLimit

# An eighth of the slots, rounded down, is reserved for connects. Otherwise session events that wait for a hanging
# service could take every slot, although identity would answer every connect. An eighth of the other slots is reserved
# for events that wait for no service. This is at least one slot, unless there is only one other slot.
RESERVED_DIVISOR: Final = 8
# The room is the number of slots for events that wait for services. For each slot of the room that is still free, the
# events of one service may take this many slots. With 2, a service that hangs takes two thirds of the room. With 1, it
# would take only half of the room, but a slow service that works would get only 39 calls if the limit is 100.
PER_FREE_PLACE: Final = 2


class ShareTaken(Exception):
    """The events that wait for the service have taken its share of the slots."""


@dataclass(slots=True)
class SessionSlots:
    """The part of a limit that session events may take: all slots except those that are reserved for connects.

    `whole` is the limit of all requests. `waiting` counts the slots of events that wait for a service.
    """

    whole: Capacity | AdaptiveLimit
    taken: int = 0
    waiting: int = 0
    shares: "list[Share]" = field(default_factory=list)

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot of `whole`. False if `whole` refuses, or if session events have taken all their slots."""
        if self.taken - self.whole.overstaying >= _unreserved(int(self.whole.limit)):
            self.whole.refused_by_part()
            return False
        entered = self.whole.enter(waited_s)
        self.taken += entered
        return entered

    def leave(self, latency_s: float) -> None:
        """Release the slot. `whole` does not get the latency, because it adapts only to the latency of connects.
        The latency of session events depends on other services, which a lower limit does not make faster.
        """
        self.taken -= 1
        self.whole.leave()

    @property
    def room(self) -> int:
        """The number of slots for events that wait for services, in use or free."""
        part = _unreserved(int(self.whole.limit))
        return max(1, part - max(1, part // RESERVED_DIVISOR))

    def share(self) -> "Share":
        """Create the share of one more service."""
        self.shares.append(Share(self))
        return self.shares[-1]

    def limit_was_cut(self) -> None:
        """Stop counting those events that wait for services and are above the new limit.

        Only the answers of the services can end such events. If such events still counted, all other requests would be
        refused until the services answer.
        """
        fair = PER_FREE_PLACE * self.room // (PER_FREE_PLACE * len(self.shares) + 1)
        for share in self.shares:
            share.overstaying = max(0, share.taken - fair)
        self.whole.overstaying = sum(share.overstaying for share in self.shares)


def _unreserved(slots: int) -> int:
    return slots - slots // RESERVED_DIVISOR


@dataclass(slots=True)
class Share:
    """The session events that wait for one service: at most PER_FREE_PLACE for each free slot of the room.

    So one service that hangs takes two thirds of the room. Two such services take two fifths each. If the room is
    not very small, some slots stay free for another service.
    """

    slots: SessionSlots
    taken: int = 0
    overstaying: int = 0

    def enter(self) -> bool:
        """Let one more event wait for the service. False if the service's share is taken."""
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
