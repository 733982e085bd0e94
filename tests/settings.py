"""The service's settings without this shell's variables, and with nothing that leaves the machine."""

import os

PREFIXES = (
    "BRIDGE_",
    "CENTRIFUGO_",
    "CHANNEL_",
    "FAMILY_SERVICE_",
    "RPC_",
    "CHANNEL_",
    "FAMILY_",
    "FALLBACK_",
    "IDENTITY_",
    "OTEL_",
    "PROXY_",
    "RPC_",
    "LISTEN_",
    "LOG_LEVEL",
    "DEBUG",
    "ALLOWED_HOSTS",
)
for name in [name for name in os.environ if name.startswith(PREFIXES) and name != "CENTRIFUGO_BIN"]:
    del os.environ[name]

from realtime_site.settings import *  # noqa: E402, F403

OTEL_EXPORTER_OTLP_ENDPOINT = ""
