"""manage.py pods"""

import asyncio
import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandParser

from centrifugo_proxy.fleet.display import Show, display, dumped
from centrifugo_proxy.fleet.report import Fleet
from centrifugo_proxy.fleet.survey import Survey, addresses
from common.exit_codes import PluginState
from common.live_process import QueryFailed, base_url
from common.number_arguments import decimal_number
from common.operator_command import OperatorCommand, printable_stderr
from common.standard_streams import discard_output

INTERVAL_S = (1.0, 3600.0)  # a process renders its metrics at most once a second


class Command(OperatorCommand):
    help = (
        "Show the state of every replica. The state has the version, readiness, outage, tickets left, connects a\n"
        "second by outcome, and the time until the pool is empty. This command queries all replicas at the same\n"
        "time, and waits at most 2 seconds for their answers. It changes nothing."
    )
    epilog = """\
exit codes (those of monitoring plugins; with --watch, the code of the last round):
  0  all is well
  1  a pod is not ready, is in an outage, is recovering from an outage, is short of tickets, or gets no answer from \
its store of claims
     (also if a pod does not answer while other pods do)
  2  a pod is in an outage and accepts no ticket: it has no ticket left, or its store of claims is down
     (also if no pod answers)
  3  no pod could be queried: a bad argument, a name that does not resolve, or an invalid environment
     (also if the output cannot be written)

examples:
  manage.py pods --dns realtime-service-pods:9730                  every pod of a headless Service
  manage.py pods --url http://10.0.0.7:9730 --url http://10.0.0.8:9730
  manage.py pods --dns realtime-service-pods:9730 --watch          redrawn in place, until Ctrl-C

docs/fleet.md explains the columns. docs/runbook.md explains the fields of --json."""
    requires_system_checks = []  # this command only queries other processes

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--url", action="append", default=[], help="the URL of a pod, such as http://10.0.0.7:9730; may be repeated"
        )
        parser.add_argument("--dns", metavar="NAME:PORT", help="query every address of this host name, over http")
        parser.add_argument("--watch", action="store_true", help="repeat after each interval, until Ctrl-C")
        parser.add_argument(
            "--interval",
            type=decimal_number(),
            default=1.0,
            help="seconds between two scrapes of the counters, from 1 to 3600 (default: %(default)s)",
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object; with --watch, one per round, each on a line"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Exit with 3 on a bad argument. argparse exits with 2, which means CRITICAL here."""
        parser = self.create_parser(argv[0], argv[1])
        parser.called_from_command_line = True
        try:
            with printable_stderr():
                parser.parse_args(argv[2:])
        except SystemExit as ended:
            sys.exit(PluginState.UNKNOWN if ended.code else PluginState.OK)
        super().run_from_argv(argv)

    def handle(
        self, *args: Any, url: list[str], dns: str | None, watch: bool, interval: float, json: bool, **options: Any
    ) -> None:
        self.state = PluginState.UNKNOWN
        try:
            urls = [base_url(each) for each in url]
            _require(urls, dns, interval)
            with display(self.stdout, in_place=watch, json=json) as show:
                asyncio.run(self._survey(urls, dns, interval, show, watch=watch))
        except QueryFailed as problem:
            self.state = PluginState.UNKNOWN
            self.stderr.write(f"PODS UNKNOWN: {problem}")
            if json:
                self.stdout.write(dumped(Fleet(())))
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            discard_output()
        sys.exit(self.state)

    async def _survey(self, urls: list[str], dns: str | None, interval_s: float, show: Show, *, watch: bool) -> None:
        """Raises QueryFailed. If a name no longer resolves, its last addresses stay in use."""
        survey, found = Survey(interval_s), list[str]()
        while True:
            with suppress(*([QueryFailed] if found else [])):
                found = await addresses(dns) if dns else []
            fleet = await survey.round(list(dict.fromkeys([*urls, *found])))
            self.state = fleet.state
            show(fleet)
            if not watch:
                return
            await asyncio.sleep(interval_s)


def _require(urls: list[str], dns: str | None, interval_s: float) -> None:
    """Raises QueryFailed."""
    if not urls and not dns:
        raise QueryFailed("give the pods with --url http://HOST:PORT, once or several times, or with --dns NAME:PORT.")
    low, high = INTERVAL_S
    if not low <= interval_s <= high:
        raise QueryFailed(f"--interval is {interval_s}; accepted: {low:.0f}–{high:.0f} seconds.")
