"""manage.py replay_dead_letters"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import CommandError, CommandParser

from bridge.commands import Reason
from bridge.dead_letters.duration import seconds
from bridge.kafka.errors import KafkaUnreachable, NotDelivered
from bridge.management.letters_command import LARGEST, LettersCommand, need_topic, selection_from
from common.counted import counted
from common.exit_codes import PluginState
from common.number_arguments import whole_number
from common.progress import progress

if TYPE_CHECKING:
    from bridge.dead_letters.rereading import Place


class Command(LettersCommand):
    help = (
        "Write dead letters to BRIDGE_REPLAY_TOPIC, oldest first. The bridge reads this topic and handles each dead\n"
        "letter like its original record. Never writes to the original topics, because their other consumers would\n"
        "get the events twice. Keeps no state: the same command replays the same dead letters again."
    )
    epilog = """\
exit codes:
  0  all selected dead letters were written, or none was selected
  1  some dead letters were not written (the output says why), or Ctrl-C ended the command
  2  an option is mistyped, or --all, --reason and --topic are all missing
  3  unknown; the message says why: Kafka does not answer or refuses access, BRIDGE_DEAD_LETTER_TOPIC or
     BRIDGE_REPLAY_TOPIC is empty, one of these topics does not exist, a setting is invalid, or the output cannot
     be written

examples:
  manage.py replay_dead_letters --reason unknown_channel --since 2h --dry-run
  manage.py replay_dead_letters --topic diary.entry.created.v1 --partition 3 --offset 4711
  manage.py replay_dead_letters --all --rate 20"""

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("selection of dead letters (--all, --reason or --topic is required)")
        which.add_argument("--all", dest="everything", action="store_true", help="every dead letter")
        which.add_argument("--reason", choices=list(Reason), metavar="R", help="dead letters with this reason")
        which.add_argument("--topic", metavar="T", help="dead letters of records from this topic")
        which.add_argument(
            "--partition", type=whole_number(0), metavar="P", help="dead letters of records from this partition"
        )
        which.add_argument(
            "--offset", type=whole_number(0), metavar="O", help="dead letters of records with this offset"
        )
        parser.add_argument("--since", type=seconds, metavar="2h", help="only dead letters at most this old")
        parser.add_argument(
            "--limit", type=whole_number(1, LARGEST), metavar="N", help="only the N newest dead letters"
        )
        parser.add_argument(
            "--even-old", action="store_true", help="also replay dead letters that were too old for their route"
        )
        parser.add_argument(
            "--rate",
            type=whole_number(1, LARGEST),
            default=100,
            metavar="N",
            help="write at most N dead letters per second (100)",
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing; print what would be written")

    def handle(self, *args: Any, everything: bool, limit: int | None, rate: int, **options: Any) -> None:
        if not (everything or options["reason"] or options["topic"]):
            raise CommandError("Select dead letters with --all, --reason R or --topic T.", returncode=MISTYPED)
        replay_topic = need_topic("BRIDGE_REPLAY_TOPIC")
        try:
            self.partitions("BRIDGE_REPLAY_TOPIC")  # raises if the topic does not exist
            partitions = self.partitions("BRIDGE_DEAD_LETTER_TOPIC")
            places = self._selected(partitions, limit, options)
            left = asyncio.run(self._replay(places, replay_topic, rate, options))
        except KafkaUnreachable as error:
            self.unknown(error)
            return
        except NotDelivered as error:
            self.unknown(KafkaUnreachable(f"{replay_topic}: {error}"))
            return
        except KeyboardInterrupt:
            self.stderr.write("Interrupted. At most one more dead letter was written than the number above.")
            sys.exit(PluginState.WARNING)
        for reason, number in left.most_common():
            self.stdout.write(f"{number} not written: {LEFT[reason]}")
        sys.exit(PluginState.WARNING if left else PluginState.OK)

    def _selected(self, partitions: int, limit: int | None, options: dict[str, Any]) -> list["Place"]:
        """The places of the newest selected letters, oldest first, so that they are replayed in order."""
        from bridge.dead_letters.rereading import Place  # noqa: PLC0415

        with self.reader() as reader:
            newest = self.newest_first(reader, partitions, selection_from(options), contents=False)
            return [Place(letter.record.partition, letter.record.offset) for letter in islice(newest, limit)][::-1]

    async def _replay(self, places: Sequence["Place"], topic: str, rate: int, options: dict[str, Any]) -> Counter[str]:
        """Write at most `rate` letters a second, one at a time. Returns how many were not replayed, by key of LEFT."""
        from bridge.kafka.connection import producer_properties  # noqa: PLC0415
        from bridge.kafka.producer import KafkaProducer  # noqa: PLC0415
        from bridge.management.replay import Replay  # noqa: PLC0415

        replay = Replay(
            producer=KafkaProducer(producer_properties(self.connection)),
            topic=topic,
            rate=rate,
            even_old=options["even_old"],
            dry_run=options["dry_run"],
        )
        try:
            with progress(self.stdout, total=len(places), unit="dead letters") as shown, self.reread(places) as letters:
                for number, letter in letters:
                    shown.at(number)
                    await replay.take(letter)
        finally:  # print the number after a failure or Ctrl-C too: the next run writes these dead letters again
            await replay.producer.close(5.0)
            would = "would be " if replay.dry_run else ""
            self.stdout.write(f"{counted(replay.written, 'dead letter')} {would}written to {topic}")
        gone = len(places) - replay.written - replay.left.total()
        return Counter(gone=gone) + replay.left


MISTYPED: Final = 2  # argparse's exit code
LEFT: Final = {
    "not_a_letter": "they have no bridge.… headers",
    "without_value": "their value was too large for the dead-letter topic",
    "without_headers": "their headers could not be read, so routes could not test them",
    "gone": "they are no longer in the dead-letter topic",
    "too_large": "they are larger than the replay topic's max.message.bytes",
    "too_many_replays": "they were replayed five times already",
    "too_old": "they were too old for their route; --even-old replays them too",
}
