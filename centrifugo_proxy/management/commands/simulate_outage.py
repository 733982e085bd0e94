"""manage.py simulate_outage"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.management.outage_simulation import (
    Build,
    Outcome,
    Played,
    RealTime,
    SimulatedTime,
    VirtualTime,
    play,
)
from centrifugo_proxy.wiring.assembly import assemble
from common.operator_command import OperatorCommand
from common.progress import Display, Output, progress
from fallback.loaded import loaded_pool
from fallback.simulation import Step, real_pace, script, virtual_pace
from fallback.tickets import LoadStatus

MIN_REAL_WINDOW_MS = 500
TICK_S = 0.1


class Command(OperatorCommand):
    help = (
        "Simulate a whole identity outage. This command sends connect requests through the code of the service with\n"
        "this configuration, and compares every HTTP answer with the expected answer. Tickets, pool and identity are\n"
        "simulated. The command changes nothing and calls no service, so it can run beside a live service, even\n"
        "during an outage."
    )
    epilog = """\
exit codes:
  0  every step had the expected answer
  1  nothing was simulated; the message says why
  2  a step had another answer: do not rely on the fallback of this build
     (a mistyped option also exits with 2)

examples:
  manage.py simulate_outage              in virtual time: takes about a second
  manage.py simulate_outage --realtime   in real time: takes longer than FALLBACK_DEGRADED_WINDOW_MS
  FALLBACK_DEGRADED_WINDOW_MS=10000 manage.py simulate_outage    with another setting

docs/runbook.md explains the steps."""
    stealth_options = ("build",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object (docs/runbook.md lists its fields)"
        )
        parser.add_argument("--realtime", action="store_true", help="wait in real time instead of virtual time")

    def handle(self, *args: Any, json: bool, realtime: bool, build: Build = assemble, **options: Any) -> None:
        if realtime and settings.FALLBACK_DEGRADED_WINDOW_MS < MIN_REAL_WINDOW_MS:
            raise CommandError(
                f"--realtime needs a FALLBACK_DEGRADED_WINDOW_MS of at least {MIN_REAL_WINDOW_MS}. "
                "Run the simulation without --realtime."
            )
        if not json:
            self._print_configuration()
        steps = steps_of(realtime=realtime)
        with quiet_logs(), self._display(steps, json=json, realtime=realtime) as display:
            played = asyncio.run(run(steps, realtime=realtime, build=build, display=display))
        ok = all(step.ok for step in played)
        if json:
            self.write_json(orjson.dumps(as_json(played, realtime=realtime)).decode())
        else:
            wrong = sum(not step.ok for step in played)
            self.stdout.write("Every step as expected." if ok else f"{wrong} of {len(played)} steps went wrong.")
        sys.exit(0 if ok else 2)

    def _print_configuration(self) -> None:
        facts = [f"{name} {value}" for name, value in configuration().items()]
        self.stdout.write(f"Simulating an outage with {', '.join(facts)}.")
        if loaded_pool().status is not LoadStatus.LOADED:
            self.stdout.write(without_pool(loaded_pool().status))

    @contextmanager
    def _display(self, steps: tuple[Step, ...], *, json: bool, realtime: bool) -> Iterator[Display]:
        """How the steps are shown: not at all with --json, otherwise as lines. --realtime adds a progress bar."""
        if json:
            yield Unseen()
        elif realtime:
            seconds = sum(step.wait_ms for step in steps) / 1000
            with progress(self.stdout, total=seconds, unit="s") as display:
                yield display
        else:
            yield Printed(self.stdout)


class Unseen(NamedTuple):
    """A `Display` that shows nothing: --json prints one object at the end."""

    def at(self, done: float) -> None:
        """Nothing to show."""

    def say(self, line: str) -> None:
        """Nothing to show."""


class Printed(NamedTuple):
    """A `Display` that prints lines."""

    stdout: Output

    def at(self, done: float) -> None:
        """Virtual time needs no progress bar."""

    def say(self, line: str) -> None:
        self.stdout.write(line)


def steps_of(*, realtime: bool) -> tuple[Step, ...]:
    """The steps of the simulation with these settings."""
    probe_ms = settings.IDENTITY_PROBE_INTERVAL_MS
    pace = (real_pace if realtime else virtual_pace)(settings.FALLBACK_DEGRADED_WINDOW_MS, probe_ms)
    return script(pace, probing=probe_ms > 0)


async def run(steps: tuple[Step, ...], *, realtime: bool, build: Build, display: Display) -> list[Played]:
    """Play all steps, and show each step when it is complete."""
    time = RealTime() if realtime else VirtualTime()
    passing = asyncio.create_task(show_time(time, display))
    played = []
    async for step in play(settings, steps, time, build):
        for line in as_lines(step):
            display.say(line)
        played.append(step)
    passing.cancel()
    return played


async def show_time(time: SimulatedTime, display: Display) -> None:
    """Show how much time has passed, until it is cancelled."""
    while True:
        display.at(time.monotonic())
        await asyncio.sleep(TICK_S)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Suppress log lines about the simulated outage. Errors still appear."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def configuration() -> dict[str, Any]:
    """The settings of the simulated outage, and the load status of the real pool, which the simulation does not use."""
    return {
        "degraded_window_ms": settings.FALLBACK_DEGRADED_WINDOW_MS,
        "connect_ttl_s": settings.FALLBACK_CONNECT_TTL_S,
        "probe_interval_ms": settings.IDENTITY_PROBE_INTERVAL_MS,
        "response_mode": str(settings.CENTRIFUGO_RESPONSE_MODE),
        "unavailable_code": settings.CENTRIFUGO_UNAVAILABLE_CODE,
        "pool_status": str(loaded_pool().status),
    }


def without_pool(status: LoadStatus) -> str:
    """The note for a deployment without a fallback pool."""
    return (
        f"Note: this deployment has no fallback pool (status {status}). The simulation uses a pool of its own. "
        "In a real outage, this deployment would refuse every connection."
    )


def as_json(played: list[Played], *, realtime: bool) -> dict[str, Any]:
    """The object of --json, whose fields docs/runbook.md lists."""
    return {
        "ok": all(step.ok for step in played),
        "realtime": realtime,
        "configuration": configuration(),
        "steps": [
            step._asdict() | {"expected": step.expected._asdict(), "seen": step.seen._asdict(), "ok": step.ok}
            for step in played
        ],
    }


def as_lines(played: Played) -> Iterator[str]:
    """The lines of one step: the actual answer, and the expected one if it differs."""
    mark = "ok   " if played.ok else "WRONG"
    yield f"{mark} {played.at_ms / 1000:9.3f} s  identity {played.identity:<4}  {played.name}"
    yield f"      {_described(played.seen)}"
    if not played.ok:
        yield f"      expected: {_described(played.expected)}"


def _described(outcome: Outcome) -> str:
    called = "identity called" if outcome.identity_asked else "identity not called"
    state = "degraded" if outcome.degraded else "not degraded"
    body = orjson.dumps(outcome.body).decode()
    return f"{outcome.status} {body} ({called}; {state}; pool tickets left: {outcome.tickets_left})"
