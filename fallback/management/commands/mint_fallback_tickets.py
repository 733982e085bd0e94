"""manage.py mint_fallback_tickets"""

import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from common.counted import counted
from common.number_arguments import whole_number
from common.operator_command import OperatorCommand
from common.printable import printable
from common.progress import progress
from fallback.minting import NotMinted, mint

SECRET_BYTES = 1024 * 1024  # https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size


class Command(OperatorCommand):
    help = (
        "Write a file of new fallback tickets. Each ticket has 256 random bits and is on a separate line. Only the\n"
        "owner of the file can read it. The file is written whole or not at all. The command prints no tickets and\n"
        "does not change a running process."
    )
    epilog = """\
exit codes:
  0  the file was written
  1  nothing was written, and the message says why; or the file was written, but the command's output was lost
  2  an option is mistyped or missing

example:
  manage.py mint_fallback_tickets --count 20000 --output ./new.tickets
  manage.py check_fallback_pool --path ./new.tickets

A running process keeps the pool that it started with. docs/runbook.md explains how to roll out a new pool."""
    requires_system_checks = []  # the checks are about settings and files that this command does not use

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=whole_number(), required=True, help="the number of tickets, 1 to 1,000,000")
        parser.add_argument("--output", type=Path, required=True, help="the file to write")
        parser.add_argument("--force", action="store_true", help="replace an existing file")

    def handle(self, *args: Any, count: int, output: Path, force: bool, **options: Any) -> None:
        try:
            with progress(self.stdout, total=count, unit="tickets") as shown:
                size = mint(count, Path(output), overwrite=force, watch=shown.at)
        except NotMinted as problem:
            raise CommandError(f"{problem} Nothing was written.", returncode=1) from None
        self.stdout.write(f"Wrote {counted(count, 'ticket')} to {printable(output)} ({size} bytes, mode 0600).")
        if size > SECRET_BYTES:
            self.stdout.write("A Kubernetes Secret holds 1 MiB, about 23,800 tickets: this file is too large for it.")
        self.stdout.write(f"Next: manage.py check_fallback_pool --path {shlex.quote(printable(output))}")
        self.stdout.write(
            "Then give the file to the service that sends tickets to clients, mount it at FALLBACK_TICKETS_PATH,"
        )
        self.stdout.write("restart the realtime service, and delete this copy (docs/runbook.md, rotating the pool).")
