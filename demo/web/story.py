"""The phases of an outage, and the sentences that describe changes of the phase."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final


class Phase(StrEnum):
    """The state of the service with regard to connects."""

    STARTING = "starting"
    WELL = "well"
    FAILING = "failing"
    OUTAGE = "outage"
    RECOVERING = "recovering"


# The kinds of sentences. The page has an icon for each kind.
GOOD: Final = "good"
WARNING: Final = "warning"
BAD: Final = "bad"
NEWS: Final = "news"

Sentence = tuple[str, str]


def phase_of(health: Mapping[str, Any]) -> Phase:
    """The phase that the body of `/health` shows."""
    outage = health["identity_outage"]
    if outage["degraded"]:
        return Phase.OUTAGE
    if outage["recovering"]:
        return Phase.RECOVERING
    return Phase.FAILING if outage["consecutive_failure_count"] else Phase.WELL


def change_of_phase(before: Phase, after: Phase, silent_s: float, window_s: float) -> Iterator[Sentence]:
    """The sentence about a change of the phase, if the phase has changed.

    `silent_s` is the time for which identity did not answer.
    """
    if before is after:
        return
    if after is Phase.FAILING:
        yield WARNING, f"Identity does not answer. If this lasts longer than {window_s:g} seconds, it is an outage."
    elif after is Phase.OUTAGE and before is Phase.RECOVERING:
        yield BAD, "A client's call failed again. The outage continues, and clients connect with fallback tickets."
    elif after is Phase.OUTAGE:
        yield BAD, f"Outage: no answer for {window_s:g} seconds. Clients now connect with fallback tickets."
    elif after is Phase.RECOVERING:
        yield NEWS, "Identity answers the service's probes again. If it also answers a client, the outage is over."
    elif before is Phase.STARTING:
        yield GOOD, "The service is ready. Identity decides about every connection."
    else:
        yield GOOD, f"Identity decides about every connection again, after {silent_s:.0f} seconds."


def change_of_pool(before: int, after: int, low_watermark: int) -> Iterator[Sentence]:
    """The sentence about the fallback pool, if it has fallen below its watermark or is used up."""
    if before > 0 >= after:
        yield BAD, "No fallback tickets are left. Clients wait until identity is back."
    elif before >= low_watermark > after:
        left = "1 fallback ticket is" if after == 1 else f"{after} fallback tickets are"
        yield WARNING, f"Only {left} left. This is below the low watermark of {low_watermark}."
