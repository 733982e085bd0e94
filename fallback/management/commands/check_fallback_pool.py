"""manage.py check_fallback_pool"""

import asyncio
import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from common.live_process import QueryFailed, base_url, get_json, not_this_service
from common.operator_command import OperatorCommand
from common.safe_path import safe_path
from fallback.checks import file_mode
from fallback.pool_report import PoolReport, as_json, as_lines, of_failed_query, of_file, of_health, of_no_path
from fallback.tickets import load


class Command(OperatorCommand):
    help = (
        "Show the state of the fallback pool. By default, the pool file is read, as at the start of a process. With\n"
        "--url, a running process reports how many tickets it has left. The command prints no tickets and changes\n"
        "nothing."
    )
    epilog = """\
exit codes (those of a monitoring plugin):
  0  the pool has at least FALLBACK_LOW_WATERMARK tickets, or no pool is configured
  1  the pool has fewer tickets than FALLBACK_LOW_WATERMARK (mint a new pool soon), or, with --url, the store of
     claims does not answer
  2  no client can connect while identity is down: the pool is missing, unreadable, empty or used up, or, with
     --url, it is unusable while the store of claims does not answer
     (a mistyped option also exits with 2, and prints the usage)
  3  unknown: --path is empty, --url gave no usable answer, a setting is invalid, or the output cannot be written

examples:
  manage.py check_fallback_pool                               the file of FALLBACK_TICKETS_PATH
  manage.py check_fallback_pool --path ./new.tickets          a new file, before a rollout
  manage.py check_fallback_pool --url http://127.0.0.1:9730   the tickets left in that process

docs/runbook.md explains each status and its remedy."""
    requires_system_checks = []  # this command reports a bad pool itself, and needs no other check

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object (see docs/runbook.md)")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--path", help="a pool file (default: FALLBACK_TICKETS_PATH)")
        where.add_argument("--url", help="a running process to query, such as http://127.0.0.1:9730")

    def handle(self, *args: Any, json: bool, path: str | None, url: str | None, **options: Any) -> None:
        report = _of_live(url) if url is not None else _configured() if path is None else _of_named(path)
        if json:
            self.write_json(_rendered(report))
        else:
            self.stdout.write("\n".join(as_lines(report)))
        sys.exit(report.state)


def _configured() -> PoolReport:
    path = settings.FALLBACK_TICKETS_PATH
    return _of_file(path, safe_path(path) if path else "")


def _of_named(path: str) -> PoolReport:
    return _of_file(path, path) if path else of_no_path()


def _of_file(path: str, display: str) -> PoolReport:
    return of_file(display, load(path, settings.FALLBACK_LOW_WATERMARK), file_mode(path) if path else None)


def _of_live(url: str) -> PoolReport:
    try:
        return of_health(url, asyncio.run(get_json(f"{base_url(url)}/health")))
    except QueryFailed as problem:
        return of_failed_query(url, str(problem))
    except ValueError:
        return of_failed_query(url, str(not_this_service(url)))


def _rendered(report: PoolReport) -> str:
    return json.dumps(as_json(report))
