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
        "Write dead letters to BRIDGE_REPLAY_TOPIC, oldest first. The bridge reads them there like the originals.\n"
        "Never writes to the topics of events: their other consumers would get the event twice. Keeps no state:\n"
        "the same command replays the same dead letters again."
    )
    epilog = """\
exit codes:
  0  all selected dead letters were written, or none was selected
  1  some were not written, also after Ctrl-C; the output says why
  2  a mistyped option, or none of --all, --reason and --topic
  3  unknown: Kafka does not answer or refuses, the setting BRIDGE_DEAD_LETTER_TOPIC or BRIDGE_REPLAY_TOPIC is
     empty, its topic does not exist, a setting is invalid, or the output cannot be written; the message says why

examples:
  manage.py replay_dead_letters --reason unknown_channel --since 2h --dry-run
  manage.py replay_dead_letters --topic diary.entry.created.v1 --partition 3 --offset 4711
  manage.py replay_dead_letters --all --rate 20"""

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_argument_group("which dead letters; --all, --reason or --topic is needed")
        which.add_argument("--all", dest="everything", action="store_true", help="every dead letter")
        which.add_argument("--reason", choices=list(Reason), metavar="R", help="dead letters with this reason")
        which.add_argument("--topic", metavar="T", help="dead letters of records from this topic")
        which.add_argument(
            "--partition", type=whole_number(0), metavar="P", help="only those of records from this partition"
        )
        which.add_argument("--offset", type=whole_number(0), metavar="O", help="only those of records with this offset")
        parser.add_argument("--since", type=seconds, metavar="2h", help="only dead letters not older than this")
        parser.add_argument("--limit", type=whole_number(1, LARGEST), metavar="N", help="only the N newest")
        parser.add_argument(
            "--even-old", action="store_true", help="also dead letters that were too old for their route"
        )
        parser.add_argument(
            "--rate",
            type=whole_number(1, LARGEST),
            default=100,
            metavar="N",
            help="the largest number per second (100)",
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
            self.stderr.write("Interrupted. Of the other dead letters, at most one was written.")
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
        finally:  # also after a failure or Ctrl-C: the next run writes these dead letters again
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
