"""manage.py centrifugo_config"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from centrifugo_proxy.centrifugo.document import FORMATS, render
from centrifugo_proxy.centrifugo.generate import MAJORS, NotPossible, generate, todo
from centrifugo_proxy.guard import SecretError
from centrifugo_proxy.management.expected import expected_of


class Command(BaseCommand):
    help = (
        "Print the Centrifugo configuration that fits this service's settings: where it is, how long to wait for it, "
        "the guard's header, what a refused ticket turns into. Run it with the environment of the service, and "
        "redirect it into a file; what is left to do is said on stderr. allowed_origins is left for you to fill in. "
        "The guard's token is taken from Centrifugo's own environment unless --with-secrets is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--major", type=int, choices=MAJORS, default=6, help="Centrifugo's major version (6)")
        parser.add_argument(
            "--format", dest="file_format", choices=FORMATS, default="yaml", help="yaml and toml have comments (yaml)"
        )
        parser.add_argument(
            "--endpoint",
            metavar="URL",
            default="",
            help="where Centrifugo reaches this service, without a path (http://localhost:LISTEN_PORT)",
        )
        parser.add_argument("--with-secrets", action="store_true", help="write the guard's token into the file")

    def handle(
        self,
        *args: Any,
        major: int,
        file_format: str,
        endpoint: str,
        with_secrets: bool,
        **options: Any,
    ) -> None:
        try:
            expected = expected_of(settings, endpoint)
            tree = generate(expected, major, file_format, with_secrets=with_secrets)
        except (SecretError, NotPossible, ValueError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(render(tree, file_format), ending="")
        for line in todo(expected, major, with_secrets=with_secrets):
            self.stderr.write(line)
