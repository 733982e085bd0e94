"""The service's settings without the shell's variables and without tracing."""

import os

from realtime_site.variables.foreign import PREFIXES as OURS

PREFIXES = (
    *OURS,
    "OTEL_",
    "LOG_LEVEL",
    "DEBUG",
    "ALLOWED_HOSTS",
)
for name in [name for name in os.environ if name.startswith(PREFIXES) and name != "CENTRIFUGO_BIN"]:
    del os.environ[name]

from realtime_site.settings import *  # noqa: E402, F403

OTEL_EXPORTER_OTLP_ENDPOINT = ""
IDENTITY_PROBE_INTERVAL_MS = 60000  # on, as by default, but too slow to affect a test

# caplog records the log lines. The service's handlers would also print them into the output of pytest.
LOGGING["handlers"] = {name: {"class": "logging.NullHandler"} for name in LOGGING["handlers"]}  # noqa: F405
