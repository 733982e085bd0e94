"""How long the main thread of a process waited for a core while it had work."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

AUTOGROUP: Final = Path("/proc/sys/kernel/sched_autogroup_enabled")


class RunQueue(NamedTuple):
    """Seconds on a core and seconds of waiting for one, since the thread began; `at_s` is when this was read."""

    at_s: float
    ran_s: float
    waited_s: float


def run_queue(pid: int, at_s: float) -> RunQueue:
    """The counters of the process's main thread. Raises OSError when there is no such process."""
    ran_ns, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return RunQueue(at_s, int(ran_ns) / 1e9, int(waited_ns) / 1e9)


def waiting_share(samples: Sequence[RunQueue]) -> float:
    """The share of the time with work in which the thread waited for a core; 0 without work."""
    steps = list(_steps(samples))
    waited_s = sum(step.waited_s for step in steps)
    busy_s = waited_s + sum(step.ran_s for step in steps)
    return waited_s / busy_s if busy_s else 0.0


def worst_waiting_share(samples: Sequence[RunQueue], within_s: float = 1.0) -> float:
    """The largest `waiting_share` of a span of about this length."""
    return max((waiting_share(list(_span(samples, start, within_s))) for start in range(len(samples))), default=0.0)


def _steps(samples: Sequence[RunQueue]) -> Iterator[RunQueue]:
    """What was added between one sample and the next. A smaller counter is that of a new process, and is skipped."""
    for before, after in pairwise(samples):
        if after.ran_s >= before.ran_s and after.waited_s >= before.waited_s:
            yield RunQueue(after.at_s, after.ran_s - before.ran_s, after.waited_s - before.waited_s)


def _span(samples: Sequence[RunQueue], start: int, within_s: float) -> Iterator[RunQueue]:
    """The samples from this one on, until the span is full."""
    for sample in samples[start:]:
        yield sample
        if sample.at_s - samples[start].at_s >= within_s:
            return


def sessions_share_equally() -> bool:
    """Whether Linux gives each session an equal share of the cores; otherwise each thread has one."""
    return AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1"
