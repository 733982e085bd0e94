"""Measures how long the main thread of a process waited for a core while it had work."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

AUTOGROUP: Final = Path("/proc/sys/kernel/sched_autogroup_enabled")


class RunQueue(NamedTuple):
    """How long a thread has run on a core, and waited for a core, since its start. All times are in seconds.

    `at_s` is the time at which the two counters were read.
    """

    at_s: float
    ran_s: float
    waited_s: float


def run_queue(pid: int, at_s: float) -> RunQueue:
    """The counters of the process's main thread, read at `at_s`. Raises OSError if there is no such process."""
    ran_ns, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return RunQueue(at_s, int(ran_ns) / 1e9, int(waited_ns) / 1e9)


def waiting_share(samples: Sequence[RunQueue]) -> float:
    """The time that the thread waited for a core, as a share (0 to 1) of the time in which it had work.

    The share is 0 if the thread had no work.
    """
    steps = list(_steps(samples))
    waited_s = sum(step.waited_s for step in steps)
    busy_s = waited_s + sum(step.ran_s for step in steps)
    return waited_s / busy_s if busy_s else 0.0


def worst_waiting_share(samples: Sequence[RunQueue], within_s: float = 1.0) -> float:
    """The largest `waiting_share` of all time spans of about `within_s` seconds.

    If all samples together cover less time, the result is their `waiting_share`.
    """
    # No span begins near the end, because the time that is left would be too short.
    starts = [n for n, first in enumerate(samples) if n == 0 or samples[-1].at_s - first.at_s >= within_s]
    return max((waiting_share(list(_span(samples, start, within_s))) for start in starts), default=0.0)


def _steps(samples: Sequence[RunQueue]) -> Iterator[RunQueue]:
    """The increases from each sample to the next. If a counter has become smaller, the process was restarted, and the
    two samples are skipped.
    """
    for before, after in pairwise(samples):
        if after.ran_s >= before.ran_s and after.waited_s >= before.waited_s:
            yield RunQueue(after.at_s, after.ran_s - before.ran_s, after.waited_s - before.waited_s)


def _span(samples: Sequence[RunQueue], start: int, within_s: float) -> Iterator[RunQueue]:
    """The samples from the index `start` on, until they cover `within_s` seconds."""
    for sample in samples[start:]:
        yield sample
        if sample.at_s - samples[start].at_s >= within_s:
            return


def sessions_share_equally() -> bool:
    """True if Linux gives each session an equal share of the cores. Otherwise each thread gets an equal share."""
    return AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1"
