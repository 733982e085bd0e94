"""Bounds the expiries of connections and subscriptions that identity and the family service set."""

from typing import Final

from centrifugo_proxy.events.decision import ExpiryCut, Notices

# If an expiry is more than 292 years ahead, a timer of Centrifugo v5 overflows, and v5 refreshes the connection in a
# loop. Such an expiry comes from a service that sends milliseconds instead of seconds. v6.9.1 shortens an expiry to one
# year. The following value is safe for both versions.
FURTHEST_END_S: Final = 10 * 365 * 24 * 3600


def furthest_end(now: float) -> int:
    """The latest expiry that is sent, in Unix seconds. `now` is also in Unix seconds."""
    return int(now) + FURTHEST_END_S


def bounded(expire_at: int, now: float, service: str) -> tuple[int, Notices]:
    """The service's `expire_at`. If it is after `furthest_end`, it is shortened, with a notice. 0 (never) stays 0."""
    furthest = furthest_end(now)
    if expire_at <= furthest:
        return expire_at, ()
    return furthest, (ExpiryCut(service, expire_at),)
