"""A real Centrifugo on loopback, with the configuration that this service printed for it.

CENTRIFUGO_BIN names its binary; without it, the pinned one is taken that `make centrifugo` builds.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.harness.paths import ROOT
from tests.harness.processes import environment, free_port

PINNED = ROOT / ".cache" / "centrifugo"
BUILD_LOG = ROOT / ".cache" / "centrifugo.log"
START_S = 10.0
ORIGIN = "https://app.test"
LOBBY = "lobby"  # a namespace whose channels show who is there

Config = dict[str, Any]

# How the go command says that the module mirror, and not this code, is at fault: it answered with an error, it could
# not be reached, or it did not have the module and the way past it is closed.
REFUSALS = (
    re.compile(r"reading https?://\S+: [45]\d\d "),
    re.compile(r'Get "https?://[^"]+": '),
    re.compile(r"git ls-remote .*: exit status"),
)


def refused_by_mirror(build_log: str) -> bool:
    """Whether building the pinned Centrifugo failed because its source was not handed out."""
    return any(refusal.search(build_log) for refusal in REFUSALS)


def binary() -> Path | None:
    """The Centrifugo to test with, None when there is none. A CENTRIFUGO_BIN that is no file is an error."""
    if named := os.environ.get("CENTRIFUGO_BIN"):
        if not os.access(named, os.X_OK):
            raise FileNotFoundError(f"CENTRIFUGO_BIN is {named!r}, which is not a program")
        return Path(named)
    return PINNED if os.access(PINNED, os.X_OK) else None


@cache
def layout(path: Path) -> int:
    """6 for the nested configuration of v6, 5 for the flat one.

    Told by the options: a binary that was built from a module calls itself version 0.0.0.
    """
    return 6 if "--http_server.port" in _run(path, "--help") else 5


def _run(*command: str | Path, **variables: str) -> str:
    env = environment(9730, **variables)
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=30).stdout  # noqa: S603


def printed(major: int, file_format: str, endpoint: str = "", **variables: str) -> str:
    """What `manage.py centrifugo_config` prints for a service with these variables, reached at `endpoint`."""
    options = ("--major", str(major), "--format", file_format, "--endpoint", endpoint)
    return _run(sys.executable, "manage.py", "centrifugo_config", *options, **variables)


def generated(major: int, endpoint: str = "", **variables: str) -> Config:
    """The same, parsed."""
    config: Config = json.loads(printed(major, "json", endpoint, **variables))
    return config


def completed(config: Config, major: int, port: int) -> Config:
    """The configuration with what is left to its user: origin, address, transports, a namespace."""
    namespace = {
        "name": LOBBY,
        "presence": True,
        "allow_subscribe_for_client": True,
        "allow_presence_for_subscriber": True,
    }
    if major == 5:
        listen: Config = {"address": "127.0.0.1", "port": str(port), "sse": True, "http_stream": True}
        both = [*config.get("namespaces", []), namespace]
        return merged(config, {**listen, "allowed_origins": [ORIGIN], "namespaces": both})
    listen = {"http_server": {"address": "127.0.0.1", "port": str(port)}}
    transports = {"sse": {"enabled": True}, "http_stream": {"enabled": True}}
    both = [*config.get("channel", {}).get("namespaces", []), namespace]
    own = {"client": {"allowed_origins": [ORIGIN]}, "channel": {"namespaces": both}}
    return merged(config, {**listen, **transports, **own})


def with_channel_options(config: Config, major: int, name: str, **options: Any) -> Config:
    """The configuration with more options in one of its namespaces."""
    listed = config["namespaces"] if major == 5 else config["channel"]["namespaces"]
    assert name in [namespace["name"] for namespace in listed]
    both = [{**namespace, **(options if namespace["name"] == name else {})} for namespace in listed]
    return merged(config, {"namespaces": both} if major == 5 else {"channel": {"namespaces": both}})


def with_client_options(config: Config, major: int, **options: Any) -> Config:
    """The configuration with more options of clients; v5's are flat."""
    flat = {f"client_{name}": value for name, value in options.items()}
    return merged(config, flat if major == 5 else {"client": options})


def merged(config: Mapping[str, Any], more: Mapping[str, Any]) -> Config:
    """`config` with `more` over it; tables are merged, everything else is replaced."""
    both = {
        name: merged(config[name], value) if isinstance(value, dict) and isinstance(config.get(name), dict) else value
        for name, value in more.items()
    }
    return {**config, **both}


def guard_variables(major: int, token: str) -> dict[str, str]:
    """Centrifugo's environment, as `centrifugo_config` says to fill it in."""
    if major == 6:
        return {"CENTRIFUGO_VAR_PROXY_TOKEN": token}
    return {"CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS": json.dumps({"X-Centrifugo-Proxy-Token": token})}


def complaint(path: Path, file: Path, **variables: str) -> str:
    """What Centrifugo, with these variables, says against the configuration in `file`; "" when it accepts it."""
    command, env = (path, "checkconfig", "-c", file), {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return "" if done.returncode == 0 else done.stdout + done.stderr


@dataclass(frozen=True)
class Centrifugo:
    """A running Centrifugo. `log` is where it writes."""

    url: str
    log: Path

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/connection/websocket"


@contextmanager
def running(path: Path, config: Config, **variables: str) -> Iterator[Centrifugo]:
    """Centrifugo with this configuration, completed, and these environment variables."""
    port = free_port()
    with TemporaryDirectory() as folder:
        file, log = Path(folder, "config.json"), Path(folder, "log")
        file.write_text(json.dumps(completed(config, layout(path), port)))
        command, env = (path, "-c", file), {"PATH": os.environ["PATH"], **variables}
        with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out) as popen:  # noqa: S603
            try:
                _wait_until_ready(popen, port, log)
                yield Centrifugo(f"http://127.0.0.1:{port}", log)
            finally:
                popen.kill()


def _wait_until_ready(popen: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        assert popen.poll() is None, log.read_text()
        assert time.monotonic() < until, "Centrifugo did not become ready"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
