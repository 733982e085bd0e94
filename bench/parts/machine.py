"""Reads the CPU time and the memory of a process and its children from /proc."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, Any]:
    """A description for the result: number of cores, version of Python, and name of the operating system."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def cpu_s(pid: int) -> float:
    """The CPU time in seconds (user and system) of the process and its children, including children that have ended."""
    return sum(sum(map(int, _stat(each)[11:15])) for each in _tree(pid)) / TICKS_PER_S


def rss_mib(pid: int) -> float:
    """Resident memory of the process and its children, in MiB."""
    return sum(_status_kib(each, "VmRSS") for each in _tree(pid)) / 1024


def peak_rss_mib(pid: int) -> float:
    """Peak resident memory of the process, in MiB."""
    return _status_kib(pid, "VmHWM") / 1024


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _words(children):
            yield from _tree(int(child))


def _words(path: Path) -> list[str]:
    """The words of a file of a thread; none if the thread has just ended."""
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third field on. The second field is the name of the process, in
    parentheses.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _status_kib(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
