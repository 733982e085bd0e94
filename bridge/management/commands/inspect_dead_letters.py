"""manage.py inspect_dead_letters"""

import json
import sys
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from bridge.commands import Reason
from bridge.dead_letters.duration import seconds
from bridge.kafka.errors import KafkaUnreachable
from bridge.management.letters_command import LARGEST, LettersCommand, need_topic, selection_from
from common.counted import counted
from common.exit_codes import PluginState
from common.number_arguments import whole_number

if TYPE_CHECKING:
    from bridge.dead_letters.selection import DeadLetter


class Command(LettersCommand):
    help = (
        "Show the newest dead letters.\n"
        "Prints how many dead letters have each reason, then the position and reason of each dead letter. Reads\n"
        "the topic from its end, joins no consumer group, and changes nothing. Shows keys and values only with\n"
        "--show-values."
    )
    epilog = """\
exit codes:
  0  no dead letter matches
  1  at least one dead letter matches
  2  an option is mistyped
  3  unknown; the message says why: Kafka does not answer or refuses access, BRIDGE_DEAD_LETTER_TOPIC is empty,
     this topic does not exist, a setting is invalid, or the output cannot be written

examples:
  manage.py inspect_dead_letters --since 2h
  manage.py inspect_dead_letters --reason no_such_field --limit 5 --json --show-values

docs/bridge-operations.md explains each reason, and says what to do."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", choices=list(Reason), metavar="R", help="only dead letters with this reason")
        parser.add_argument("--route", metavar="R", help="only dead letters of this route")
        parser.add_argument("--since", type=seconds, metavar="2h", help="only dead letters at most this old")
        parser.add_argument(
            "--limit", type=whole_number(1, LARGEST), default=100, metavar="N", help="show only the N newest (100)"
        )
        parser.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object per line")
        parser.add_argument("--show-values", action="store_true", help="also show the keys and values of the records")

    def handle(self, *args: Any, limit: int, as_json: bool, show_values: bool, **options: Any) -> None:
        topic = need_topic("BRIDGE_DEAD_LETTER_TOPIC")
        try:
            partitions = self.partitions("BRIDGE_DEAD_LETTER_TOPIC")
            with self.reader() as reader:
                selection = selection_from(options)
                newest = self.newest_first(reader, partitions, selection, contents=show_values)
                letters = list(islice(newest, limit))
        except KafkaUnreachable as error:
            self.unknown(error)
            return
        if as_json:
            for letter in letters:
                self.write_json(json.dumps(letter.as_json(show_values=show_values)))
        else:
            more = f"; there may be more (--limit {limit})" if len(letters) == limit else ""
            self.stdout.write(f"{counted(len(letters), 'dead letter')} in {topic}, newest first{more}")
            self._print(letters, show_values=show_values)
        sys.exit(PluginState.WARNING if letters else PluginState.OK)

    def _print(self, letters: list["DeadLetter"], *, show_values: bool) -> None:
        for reason, number in Counter(letter.reason for letter in letters).most_common():
            self.stdout.write(f"  {number:>6}  {reason}")
        for letter in letters:
            self.stdout.write(_line(letter))
            if show_values:
                content = letter.as_json(show_values=True)
                self.stdout.write(f"    key {content['key']!r} value {content['value']!r}")


def _line(letter: "DeadLetter") -> str:
    stood = f"{letter.topic}:{letter.partition}:{letter.offset}"
    action = f" action {letter.action}" if letter.action else ""
    here = f"letter {letter.record.partition}:{letter.record.offset}"
    return f"{letter.failed_at}  {letter.reason}  {stood}  route {letter.route}{action}  {letter.detail}  ({here})"
