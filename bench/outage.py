"""Measures an identity outage and a reconnect storm: python -m bench.outage [--json FILE]

Outage: when the service is degraded, clients connect with fallback tickets, on 64 connections for 5 s. In the rows
`refused`, nothing listens at identity's address. In the rows `hanging`, identity accepts calls but does not answer.
Both kinds are measured without probes (IDENTITY_PROBE_INTERVAL_MS=0) and with probes (1000). The deadline of a call and
FALLBACK_DEGRADED_WINDOW_MS are 2,500 ms.

Storm: 5,000 clients connect at once, each on its own connection. A refused client connects again after the same pause
as Centrifugo's SDKs. PROXY_MAX_INFLIGHT is 1,000 in one row, and too high to be reached in the other. The exit code is
1 if a client is not connected at the end, or if an attempt got no answer.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.parts import machine
from bench.parts.command import measured, parser_of
from bench.parts.load import NO_SHEDDING, Answers
from bench.parts.processes import allow_many_connections, identity, service
from bench.parts.storm import Storm
from bench.parts.storm_figures import after_share
from bench.parts.trickle import degraded, trickle
from fallback.minting import mint
from tools.ports import free_port

CONNECTIONS: Final = 64
SECONDS: Final = 5.0
TICKETS: Final = 100_000
PROBES_MS: Final = (0, 1000)
CLIENTS: Final = 5000
LIMITS: Final = (1000, 100_000)
FILES: Final = 20_000

Row = dict[str, Any]


@contextmanager
def unreachable(*, hanging: bool) -> Iterator[str]:
    """The address of an identity that refuses connections, or with `hanging` accepts calls and never answers."""
    if not hanging:
        yield f"127.0.0.1:{free_port()}"
        return
    with identity(hanging=True) as address:
        yield address


def outage(pool: Path, *, hanging: bool, probe_ms: int) -> Row:
    """Count the answers to connects with fallback tickets in an outage."""
    with unreachable(hanging=hanging) as address:
        environment = {
            "IDENTITY_VALIDATE_GRPC_ADDRESS": address,
            "IDENTITY_VALIDATE_DEADLINE_MS": "2500",
            "IDENTITY_PROBE_INTERVAL_MS": str(probe_ms),
            "FALLBACK_TICKETS_PATH": str(pool),
            "FALLBACK_DEGRADED_WINDOW_MS": "2500",
            "PROXY_MAX_INFLIGHT": NO_SHEDDING,
        }
        port = free_port()
        with service(port, environment):
            uvloop.run(degraded(port))
            answers: Answers = uvloop.run(trickle(port, pool.read_text().split(), CONNECTIONS, SECONDS))
    return {
        "identity": "hanging" if hanging else "refused",
        "probe_ms": probe_ms,
        "accepted": answers.statuses[200],
        "other": len(answers.seconds) - answers.statuses[200],
        "p50_ms": round(answers.percentile_ms(50), 1),
        "p99_ms": round(answers.percentile_ms(99), 1),
    }


def storm(clients: int, limit: int) -> Row:
    """Let this many clients connect at once, and count the answers."""
    with identity() as address:
        environment = {"IDENTITY_VALIDATE_GRPC_ADDRESS": address, "PROXY_MAX_INFLIGHT": str(limit)}
        port = free_port()
        with service(port, environment) as pid:
            uvloop.run(Storm(port, 64).run())  # warm-up
            before = machine.rss_mib(pid)
            measured = Storm(port, clients)
            uvloop.run(measured.run())
            time.sleep(0.5)
            grown = machine.peak_rss_mib(pid) - before
    return {
        "limit": limit,
        "clients": clients,
        "connected": len(measured.in_after),
        "in_first_second": sum(after < 1 for after in measured.in_after),
        "all_in_s": round(after_share(measured.in_after, clients, 1.0), 2),
        "refused": measured.answers.statuses[503],
        "broken": measured.answers.statuses[0],
        "p50_ms": round(measured.answers.percentile_ms(50), 1),
        "p99_ms": round(measured.answers.percentile_ms(99), 1),
        "rss_grew_mib": round(grown, 1),
    }


def run() -> dict[str, Any]:
    """Measure every row. This takes about two minutes."""
    random.seed(0)
    allow_many_connections(FILES)
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        mint(TICKETS, pool, overwrite=False)
        outages = [outage(pool, hanging=hanging, probe_ms=ms) for hanging in (False, True) for ms in PROBES_MS]
    return {"machine": machine.describe(), "outage": outages, "storm": [storm(CLIENTS, limit) for limit in LIMITS]}


def table(rows: list[Row]) -> str:
    """The rows as a table."""
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines) + "\n"


def main() -> int:
    parser = parser_of("outage", __doc__)
    options = parser.parse_args()
    result = measured(run, options.json)
    sys.stdout.write(f"{table(result['outage'])}\n{table(result['storm'])}")
    return int(any(row["connected"] < row["clients"] or row["broken"] for row in result["storm"]))


if __name__ == "__main__":
    sys.exit(main())
