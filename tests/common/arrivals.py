"""A simulation of requests that arrive at a service with one processor, in virtual time."""

import heapq
import random
from collections.abc import Callable
from typing import Final, NamedTuple

from common.adaptive_limit import AdaptiveLimit

TICK_S: Final = 0.05
# A request passes through the event loop this many times. So the loop's lag is the time for the whole queue, divided by
# this number.
HOPS: Final = 6

OverTime = Callable[[float], float]


class Outcome(NamedTuple):
    """Numbers of requests, by how they ended. `late` requests were answered after the caller had hung up."""

    answered: int
    late: int
    refused: int

    def share_refused(self) -> float:
        return self.refused / sum(self)


def simulate(
    limit: AdaptiveLimit,
    *,
    arrivals: OverTime,
    peer_s: OverTime,
    seconds: float,
    capacity: float = 500,
    patience_s: float = 2.5,
    refusal: float = 0.05,
) -> Outcome:
    """Random arrivals at a rate of `arrivals(t)` per second. The processor handles `capacity` requests per second on
    average, one after another. A request also waits for about `peer_s(t)` seconds for a peer, without using the
    processor. A refusal takes the share `refusal` of a request's processor time. Requests that are in flight at the end
    are still answered.
    """
    chance = random.Random(7)  # noqa: S311
    now, busy_until, next_tick = 0.0, 0.0, TICK_S
    answered = late = refused = 0
    under_way: list[tuple[float, float]] = []
    while (now := now + chance.expovariate(arrivals(now))) < seconds:
        while next_tick <= now or (under_way and under_way[0][0] <= now):
            if under_way and under_way[0][0] <= next_tick:
                end, began = heapq.heappop(under_way)
                limit.leave(end - began)
                in_time = end - began <= patience_s
                answered, late = answered + in_time, late + (not in_time)
            else:
                limit.tick(max(0.0, busy_until - next_tick) / HOPS)
                next_tick += TICK_S
        if limit.enter():
            busy_until = max(busy_until, now) + chance.expovariate(capacity)
            heapq.heappush(under_way, (busy_until + peer_s(now) * chance.uniform(0.8, 1.3), now))
        else:
            refused += 1
            busy_until = max(busy_until, now) + refusal / capacity
    for end, began in under_way:
        limit.leave(end - began)
        in_time = end - began <= patience_s
        answered, late = answered + in_time, late + (not in_time)
    return Outcome(answered, late, refused)
