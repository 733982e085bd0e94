"""manage.py run_bridge"""

import logging
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bridge.routing.faults import RoutesError
from bridge.routing.file import load_routes
from common.version import VERSION

logger = logging.getLogger("bridge")


class Command(BaseCommand):
    help = "Turn events from Kafka into Centrifugo's commands, until SIGTERM or Ctrl-C."
    requires_system_checks = ["bridge"]

    def handle(self, *args: Any, **options: Any) -> None:
        import uvloop  # noqa: PLC0415

        from bridge.kafka.errors import KafkaRefused  # noqa: PLC0415
        from bridge.running.configuration import configuration  # noqa: PLC0415
        from bridge.running.listener import ListenError  # noqa: PLC0415
        from bridge.running.start import StartError  # noqa: PLC0415
        from bridge.running.supervisor import run  # noqa: PLC0415

        try:
            routes = load_routes(settings.BRIDGE_ROUTES_PATH)
        except RoutesError as error:
            raise CommandError(str(error)) from None
        try:
            uvloop.run(run(configuration(settings), routes, VERSION))
        except (StartError, ListenError, KafkaRefused) as error:
            logger.error("%s", error)
            sys.exit(1)
