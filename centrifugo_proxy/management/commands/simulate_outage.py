"""manage.py simulate_outage"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.management.outage_simulation import Build, Outcome, Played, RealTime, VirtualTime, play
from centrifugo_proxy.wiring.assembly import assemble
from common.operator_command import OperatorCommand
from fallback.loaded import loaded_pool
from fallback.simulation import real_pace, script, virtual_pace
from fallback.tickets import LoadStatus

MIN_REAL_WINDOW_MS = 500
Tell = Callable[[Played], None]


class Command(OperatorCommand):
    help = (
        "Play a whole identity outage through the real connect path with this configuration, and hold every HTTP\n"
        "answer to the rules. Tickets, pool and identity are made up for it: it changes nothing, asks nobody, and\n"
        "may be run next to a live service, during an outage too."
    )
    epilog = """\
exit codes:
  0  every step was answered as the rules say
  1  nothing was played: the configuration is refused, the message says why
  2  a step went wrong: do not trust the fallback of this build (a mistyped option ends with 2 as well)

examples:
  manage.py simulate_outage              about a second; time is virtual
  manage.py simulate_outage --realtime   waits FALLBACK_DEGRADED_WINDOW_MS out
  FALLBACK_DEGRADED_WINDOW_MS=10000 manage.py simulate_outage    what another setting would do

docs/runbook.md explains the steps."""
    stealth_options = ("build",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, its fields as in docs/runbook.md")
        parser.add_argument("--realtime", action="store_true", help="really wait, instead of in virtual time")

    def handle(self, *args: Any, json: bool, realtime: bool, build: Build = assemble, **options: Any) -> None:
        if realtime and settings.FALLBACK_DEGRADED_WINDOW_MS < MIN_REAL_WINDOW_MS:
            raise CommandError(
                f"--realtime needs a FALLBACK_DEGRADED_WINDOW_MS of at least {MIN_REAL_WINDOW_MS}; leave it out."
            )
        tell = self._keep_quiet if json else self._tell_step
        if not json:
            self._tell_setting()
        with quiet_logs():
            played = asyncio.run(run(realtime=realtime, build=build, tell=tell))
        ok = all(step.ok for step in played)
        if json:
            self.stdout.write(orjson.dumps(as_json(played, realtime=realtime)).decode())
        else:
            wrong = sum(not step.ok for step in played)
            self.stdout.write("Every step as expected." if ok else f"{wrong} of {len(played)} steps went wrong.")
        sys.exit(0 if ok else 2)

    def _tell_setting(self) -> None:
        facts = [f"{name} {value}" for name, value in configuration().items()]
        self.stdout.write(f"Playing an outage with {', '.join(facts)}.")
        if loaded_pool().status is not LoadStatus.LOADED:
            self.stdout.write(without_pool(loaded_pool().status))

    def _tell_step(self, played: Played) -> None:
        for line in as_lines(played):
            self.stdout.write(line)

    def _keep_quiet(self, played: Played) -> None:
        """Collect the steps and print one object at the end."""


async def run(*, realtime: bool, build: Build, tell: Tell) -> list[Played]:
    """Play all steps; print each one as it completes."""
    probe_ms = settings.IDENTITY_PROBE_INTERVAL_MS
    pace = (real_pace if realtime else virtual_pace)(settings.FALLBACK_DEGRADED_WINDOW_MS, probe_ms)
    time = RealTime() if realtime else VirtualTime()
    played = []
    async for step in play(settings, script(pace, probing=probe_ms > 0), time, build):
        tell(step)
        played.append(step)
    return played


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Suppress log lines about the simulated outage; errors still appear."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def configuration() -> dict[str, Any]:
    """The settings that the simulation uses, and whether this deployment has a pool."""
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
        f"Note: this deployment has no fallback pool (status {status}). The pool below is the simulation's own; "
        "in a real outage nobody would get in here."
    )


def as_json(played: list[Played], *, realtime: bool) -> dict[str, Any]:
    """The documented shape of --json."""
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
    """One step of the timeline; with the expected answer if the actual one differs."""
    mark = "ok   " if played.ok else "WRONG"
    yield f"{mark} {played.at_ms / 1000:9.3f} s  identity {played.identity:<4}  {played.name}"
    yield f"      {_said(played.seen)}"
    if not played.ok:
        yield f"      expected: {_said(played.expected)}"


def _said(outcome: Outcome) -> str:
    asked = "identity asked" if outcome.identity_asked else "identity not asked"
    state = "degraded" if outcome.degraded else "not degraded"
    body = orjson.dumps(outcome.body).decode()
    return f"{outcome.status} {body} ({asked}; {state}; pool tickets left: {outcome.tickets_left})"
