"""Measures the time and memory of loading a pool: python -m bench.pool [--tickets 100000]

For each 100,000 tickets, the targets are one second and a peak of 40 MiB. The exit code is 1 if a target is missed.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from bench.parts import machine
from fallback import tickets
from fallback.minting import mint

BAR_S: Final = 1.0
BAR_MIB: Final = 40.0


class Figures(NamedTuple):
    """The cost of loading. `mib` is the memory in use afterwards, `peak_mib` the maximum during loading."""

    tickets: int
    seconds: float
    mib: float
    peak_mib: float


def load(path: str) -> Figures:
    """Load the file at `path` in this process, and return the figures."""
    gc.collect()
    before, started = machine.rss_mib(os.getpid()), perf_counter()
    loaded = tickets.load(path, low_watermark=0)
    seconds = perf_counter() - started
    gc.collect()
    after, peak = machine.rss_mib(os.getpid()), machine.peak_rss_mib(os.getpid())
    return Figures(len(loaded.pool), seconds, after - before, peak - before)


def measure(count: int) -> Figures:
    """Load a pool of `count` new tickets in a new process, and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pool"
        mint(count, file, overwrite=False)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(load, str(file)).result(timeout=60)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pool", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tickets", type=int, default=100_000, help="tickets in the pool (%(default)s)")
    found = measure(parser.parse_args().tickets)
    sys.stdout.write(
        f"{found.tickets:,} tickets: {found.seconds:.3f} s, {found.mib:.1f} MiB (peak {found.peak_mib:.1f} MiB)\n"
    )
    share = found.tickets / 100_000
    return int(found.seconds > BAR_S * share or found.peak_mib > BAR_MIB * share)


if __name__ == "__main__":
    sys.exit(main())
