"""manage.py centrifugo_config"""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.server_config.document import FORMATS, render
from centrifugo_proxy.server_config.generate import MAJORS, generate, todo
from centrifugo_proxy.server_config.helm import helm_values
from centrifugo_proxy.wiring.centrifugo_facts import service_facts
from common.number_arguments import whole_number
from common.operator_command import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Print a Centrifugo configuration that fits the settings of this service. It contains the address of the\n"
        "service, a proxy for each event that the service answers, the timeouts, the guard's header, the transform of\n"
        "a refused ticket, and the namespaces of the policy's channels. Run this command with the environment of the\n"
        "service. It lists on stderr what you still have to do, such as filling in allowed_origins."
    )
    epilog = """\
examples:
  manage.py centrifugo_config --endpoint http://realtime:9730 > config.yaml
  manage.py centrifugo_config --endpoint http://realtime:9730 --helm > values.yaml
  manage.py centrifugo_config --major 5 --format toml > config.toml

The guard's token is not in the file: Centrifugo reads it from its own environment, as the comments
explain. --with-secrets writes the token into the file. Then protect the file like the token itself.

docs/centrifugo.md explains the whole setup."""

    requires_system_checks = []  # stderr lists only what the operator still has to do

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--major", type=whole_number(), choices=MAJORS, default=6, help="Centrifugo's major version (default: 6)"
        )
        parser.add_argument(
            "--format",
            dest="file_format",
            choices=FORMATS,
            default="yaml",
            help="the file's format; json has no comments (default: yaml)",
        )
        parser.add_argument(
            "--endpoint",
            metavar="URL",
            default="",
            help="this service's URL as Centrifugo reaches it, such as http://realtime:9730 "
            "(default: http://localhost:LISTEN_PORT)",
        )
        parser.add_argument("--with-secrets", action="store_true", help="write the guard's token into the file")
        parser.add_argument("--helm", action="store_true", help="print values for Centrifugo's own Helm chart")

    def handle(
        self,
        *args: Any,
        major: int,
        file_format: str,
        endpoint: str,
        with_secrets: bool,
        helm: bool,
        **options: Any,
    ) -> None:
        try:
            expected = service_facts(settings, endpoint)
            tree = (helm_values if helm else generate)(expected, major, file_format, with_secrets=with_secrets)
        except ValueError as error:  # bad secret, policy or endpoint, or not possible in Centrifugo
            raise CommandError(str(error)) from None
        self.stdout.write(render(tree, file_format), ending="")
        for line in todo(expected, major, with_secrets=with_secrets):
            self.stderr.write(line)
