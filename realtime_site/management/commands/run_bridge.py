"""manage.py run_bridge"""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from bridge.checks import TAG, no_routes
from bridge.routing.file import load_routes
from bridge.routing.model import Routes
from bridge.running.spans import OFF, Tracer
from common.exit_codes import FAILED, PluginState
from common.operator_command import OperatorCommand
from common.version import VERSION
from realtime_site import boot
from realtime_site.variables.trace_options import trace_options

if TYPE_CHECKING:
    from bridge.running.configuration import Configuration

ITS_SETTINGS: Final = ("BRIDGE_", "CENTRIFUGO_API_", "LOG_LEVEL", "OTEL_")

logger = logging.getLogger("bridge")


class Command(OperatorCommand):
    help = (
        "Read events from Kafka and send them to Centrifugo as commands. The routes file decides which commands are\n"
        "sent. Runs until SIGTERM or Ctrl-C. Serves /health, /health/live, /health/ready and /metrics on\n"
        "BRIDGE_LISTEN_PORT."
    )
    epilog = """\
exit codes:
  0  a signal ended the bridge; records that were not sent and committed in time will be read again
  1  invalid configuration, no dead-letter topic, port in use, refused by Kafka, internal error, or a second signal
with --check:
  0  no problems
  1  the configuration or the routes file is invalid
  2  problems with Kafka or Centrifugo; each is listed
     (a mistyped option also exits with 2)

examples:
  manage.py run_bridge --check
  BRIDGE_ROUTES_PATH=routes.toml manage.py run_bridge

docs/bridge-operations.md explains how to run the bridge, and its health and metrics."""
    requires_system_checks = []  # `handle` runs the checks, with this service's output
    is_server = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="check the settings, Kafka and Centrifugo, and exit")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if not settings.BRIDGE_ROUTES_PATH:
            boot.refuse(boot.sentence(no_routes()), FAILED)
        boot.check([TAG])
        routes = load_routes(settings.BRIDGE_ROUTES_PATH)
        # Imported here, because other commands do not need the libraries for Kafka and HTTP.
        import uvloop  # noqa: PLC0415

        from bridge.kafka.acceptance import check_properties  # noqa: PLC0415
        from bridge.kafka.errors import PropertyRefused  # noqa: PLC0415
        from bridge.running.configuration import configuration  # noqa: PLC0415

        config = configuration(settings)
        try:
            check_properties(config.connection, config.group)
        except PropertyRefused as error:
            boot.refuse(str(error), FAILED)
        if check:
            from bridge.running.preflight import preflight  # noqa: PLC0415

            findings = uvloop.run(preflight(config, routes))
            self.stdout.write("\n".join(findings.lines))
            sys.exit(PluginState.CRITICAL if findings.faults else PluginState.OK)
        uvloop.run(_run(config, routes))


async def _run(config: "Configuration", routes: Routes) -> None:
    from bridge.kafka.errors import KafkaRefused  # noqa: PLC0415
    from bridge.running.bridge import ReceivingFailed  # noqa: PLC0415
    from bridge.running.listener import ListenError  # noqa: PLC0415
    from bridge.running.recreated import CreatedAgain  # noqa: PLC0415
    from bridge.running.start import StartError  # noqa: PLC0415
    from bridge.running.supervisor import run  # noqa: PLC0415

    _log_start(routes)
    try:
        async with _tracer() as tracer:
            await run(config, routes, VERSION, tracer)
    except (StartError, ListenError) as error:
        logger.error("%s", error)
        sys.exit(FAILED)
    except ReceivingFailed:
        sys.exit(FAILED)
    except CreatedAgain as error:
        logger.error(
            "the Kafka library does not read topics that were deleted and created again; the bridge exits, "
            "and the next process reads them",
            extra={"topics": str(error)},
        )
        sys.exit(FAILED)
    except KafkaRefused as error:
        about = {"error": str(error), "group": config.group.name}
        logger.error("Kafka refuses the bridge; the bridge exits", extra=about)
        sys.exit(FAILED)


@asynccontextmanager
async def _tracer() -> AsyncIterator[Tracer]:
    """Tracing as configured. If it is off, its packages are not imported."""
    options = trace_options(settings)
    if options is None or not options.endpoint:
        yield OFF
        return
    from realtime_site.tracing.bridge_spans import open_bridge_tracing  # noqa: PLC0415

    async with open_bridge_tracing(options, VERSION) as tracer:
        yield tracer


def _log_start(routes: Routes) -> None:
    logger.info(
        "bridge started",
        extra={
            "version": VERSION,
            "routes": len(routes.routes),
            "topics": len(routes.topics),
            "settings": {
                name: value for name, value in settings.EFFECTIVE_SETTINGS.items() if name.startswith(ITS_SETTINGS)
            },
        },
    )
