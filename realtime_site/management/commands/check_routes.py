"""manage.py check_routes"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError, CommandParser

from bridge.commands import Record
from bridge.explaining.checking import check_file
from bridge.explaining.report import FAULTY, exit_code, to_json, to_lines
from common.files import MIB, read_file
from common.number_arguments import whole_number
from common.operator_command import OperatorCommand
from common.os_errors import reason
from common.printable import printable
from realtime_site.management.route_facts import policy_facts, server_facts

T = TypeVar("T")
STDIN = "-"
VALUE_BYTES = 16 * MIB
OF_THE_RECORD = ("value", "no_value", "header", "key", "partition", "offset", "timestamp")


class Command(OperatorCommand):
    help = (
        "Check the bridge's routes file, as run_bridge does at startup. Lists the faults with their lines. With\n"
        "--topic and --value, explains a record: which routes match, why the others do not match, and the exact\n"
        "commands that Centrifugo would get. This command calls no service and sends nothing."
    )
    epilog = """\
exit codes:
  0  the file has no faults, and the given record (if any) would be sent or skipped
  1  there are warnings, or the record would be dead-lettered or matches no route
  2  the file has faults (they are listed), or another file cannot be read or parsed
     (a mistyped or missing option also exits with 2)
  3  unknown: the environment is invalid, or the output cannot be written; the message says why

examples:
  manage.py check_routes routes.toml
  manage.py check_routes routes.toml --centrifugo config.json --policy policy.toml
  manage.py check_routes routes.toml --topic diary.entry.created --value entry.json --header ce_id=7
  kcat -b kafka -Ct news -o-1 -c1 -f %s | manage.py check_routes routes.toml --topic news --value -

docs/bridge.md explains the file."""
    requires_system_checks = []  # with faulty routes, the checks would fail before this command lists the faults

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the routes (TOML)")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="print one JSON object (see docs/bridge.md)"
        )
        beside = parser.add_argument_group("files to compare the routes with")
        beside.add_argument("--centrifugo", metavar="CONFIG", type=Path, help="a Centrifugo configuration, v6 or v5")
        beside.add_argument("--policy", metavar="FILE", type=Path, help="the channel policy of this service")
        record = parser.add_argument_group("a record to explain")
        record.add_argument("--topic", metavar="T", help="its topic")
        value = record.add_mutually_exclusive_group()
        value.add_argument("--value", metavar="FILE", help="a file with its value; - for standard input")
        value.add_argument("--no-value", action="store_true", default=None, help="it has no value, like a tombstone")
        record.add_argument("--header", metavar="K=V", action="append", help="a header; may be repeated")
        record.add_argument("--key", metavar="K", help="its key (default: no key)")
        record.add_argument("--partition", metavar="P", type=whole_number(0), help="its partition (default: 0)")
        record.add_argument("--offset", metavar="O", type=whole_number(0), help="its offset (default: 0)")
        record.add_argument(
            "--timestamp", metavar="MS", type=whole_number(), help="its Unix time in milliseconds (default: now)"
        )

    def handle(self, *args: Any, file: str, as_json: bool, **options: Any) -> None:
        now_ms = int(time.time() * 1000)
        report = check_file(
            file,
            server=_read(server_facts, options["centrifugo"], "a Centrifugo configuration"),
            rules=_read(policy_facts, options["policy"], "a channel policy"),
            record=_record(options, now_ms),
            now_ms=now_ms,
        )
        if as_json:
            self.write_json(to_json(report))
        else:
            self.stdout.write("\n".join(to_lines(report)))
        if code := exit_code(report):
            raise SystemExit(code)


def _read(read: Callable[[Path], T], file: Path | None, what: str) -> T | None:
    """The facts in the file; None if there is no file. Raises CommandError."""
    if file is None:
        return None
    try:
        return read(file)
    except OSError as error:
        raise CommandError(f"{printable(file)}: cannot be read: {reason(error)}.", returncode=FAULTY) from None
    except (ValueError, RecursionError) as error:
        problem = str(error).removeprefix(f"{printable(file)}: ")
        raise CommandError(f"{printable(file)}: not {what}: {problem}", returncode=FAULTY) from None


def _record(options: dict[str, Any], now_ms: int) -> Record | None:
    """The record that the options describe; None without --topic. Raises CommandError."""
    topic = options["topic"]
    if topic is None:
        if any(options[name] is not None for name in OF_THE_RECORD):
            raise CommandError("--topic is missing: a record needs a topic.", returncode=FAULTY)
        return None
    if options["value"] is None and not options["no_value"]:
        raise CommandError(
            "--value is missing: give a file, - for standard input, or --no-value instead.", returncode=FAULTY
        )
    return Record(
        topic=topic,
        partition=options["partition"] or 0,
        offset=options["offset"] or 0,
        timestamp=now_ms if options["timestamp"] is None else options["timestamp"],
        key=None if options["key"] is None else os.fsencode(options["key"]),
        value=None if options["no_value"] else _value(options["value"]),
        headers=tuple(_header(given) for given in options["header"] or ()),
    )


def _value(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return read_file(file, VALUE_BYTES)
    except OSError as error:
        raise CommandError(f"{printable(file)}: cannot be read: {reason(error)}.", returncode=FAULTY) from None


def _header(given: str) -> tuple[str, bytes]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise CommandError(f"--header is {given!r}; write NAME=VALUE.", returncode=FAULTY)
    return name, os.fsencode(value)
