"""A real Centrifugo on loopback, and the configuration that this service prints for it.

`make centrifugos` builds a pinned binary for each supported major version. If CENTRIFUGO_BIN names a binary, the tests
use only that one.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.harness import go_builds, warm_start
from tests.harness.paths import ROOT
from tests.harness.processes import environment
from tools.ports import free_port

CACHE = ROOT / ".cache"
BUILD_LOG = CACHE / "centrifugo.log"
PINNED_MAJORS = (6, 5)
START_S = 20.0
PORT_ATTEMPTS = 3
ORIGIN = "https://app.test"
LOBBY = "lobby"  # a namespace with presence

Config = dict[str, Any]


def excuse(build_log: str) -> str:
    """The reason why this machine cannot build the pinned Centrifugo; "" if the repository itself may be at fault."""
    return go_builds.excuse(build_log, "Centrifugo", "tools/centrifugo/v6/go.mod")


def build_log() -> str:
    """The log of the last build; "" if there was no build."""
    return BUILD_LOG.read_text() if BUILD_LOG.exists() else ""


def majors() -> tuple[int, ...]:
    """The major versions to test with: all pinned ones, or that of CENTRIFUGO_BIN. Raises FileNotFoundError."""
    return (layout(path),) if (path := named()) else PINNED_MAJORS


def binary(major: int) -> Path | None:
    """The binary of this major version, or None if there is none to test with. Raises FileNotFoundError."""
    if path := named():
        return path if layout(path) == major else None
    pinned = CACHE / f"centrifugo-v{major}"
    return pinned if os.access(pinned, os.X_OK) else None


def named() -> Path | None:
    """The binary in CENTRIFUGO_BIN; None if the variable is not set. Raises FileNotFoundError if it is no program."""
    path = os.environ.get("CENTRIFUGO_BIN")
    if path and not os.access(path, os.X_OK):
        raise FileNotFoundError(f"CENTRIFUGO_BIN is {path!r}, which is not a program")
    return Path(path) if path else None


@cache
def layout(path: Path) -> int:
    """The major version whose configuration this binary reads: 6 (nested) or 5 (flat).

    The command-line options decide, because `version` prints 0.0.0 for a binary that was built without -ldflags.
    """
    return 6 if "--http_server.port" in _run(path, "--help") else 5


def _run(*command: str | Path, **variables: str) -> str:
    env = environment(9730, **variables)
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=30).stdout  # noqa: S603


def printed(major: int, file_format: str, endpoint: str = "", **variables: str) -> str:
    """The output of `manage.py centrifugo_config` for a service with these variables, reached at `endpoint`."""
    options = ("--major", str(major), "--format", file_format, "--endpoint", endpoint)
    ended = warm_start.run(("centrifugo_config", *options), environment(9730, **variables))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def generated(major: int, endpoint: str = "", **variables: str) -> Config:
    """The output of `printed`, parsed."""
    config: Config = json.loads(printed(major, "json", endpoint, **variables))
    return config


def completed(config: Config, major: int, port: int) -> Config:
    """The configuration with the options that a user adds: origin, address, transports, a namespace."""
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
    """The configuration with more options in its namespace `name`."""
    listed = config["namespaces"] if major == 5 else config["channel"]["namespaces"]
    assert name in [namespace["name"] for namespace in listed]
    both = [{**namespace, **(options if namespace["name"] == name else {})} for namespace in listed]
    return merged(config, {"namespaces": both} if major == 5 else {"channel": {"namespaces": both}})


def with_client_options(config: Config, major: int, **options: Any) -> Config:
    """The configuration with more client options: in v6 within `client`, in v5 with the prefix client_."""
    flat = {f"client_{name}": value for name, value in options.items()}
    return merged(config, flat if major == 5 else {"client": options})


def merged(config: Mapping[str, Any], more: Mapping[str, Any]) -> Config:
    """`config` updated with `more`: tables are merged, other values replaced."""
    both = {
        name: merged(config[name], value) if isinstance(value, dict) and isinstance(config.get(name), dict) else value
        for name, value in more.items()
    }
    return {**config, **both}


def guard_variables(major: int, token: str) -> dict[str, str]:
    """Centrifugo's environment: the variables that `centrifugo_config` tells a user to set."""
    if major == 6:
        return {"CENTRIFUGO_VAR_PROXY_TOKEN": token}
    return {"CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS": json.dumps({"X-Centrifugo-Proxy-Token": token})}


def complaint(path: Path, file: Path, **variables: str) -> str:
    """The error of `centrifugo checkconfig` for `file`, with these variables; "" if Centrifugo accepts it."""
    command, env = (path, "checkconfig", "-c", file), {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return "" if done.returncode == 0 else done.stdout + done.stderr


READY = b"serving websocket"


def start_log(path: Path, file: Path, **variables: str) -> bytes:
    """The log of Centrifugo with this configuration, until it serves (the log contains READY) or ends."""
    command = [str(path), "-c", str(file), "-a", "127.0.0.1", "-p", str(free_port())]
    env, logged = {"PATH": os.environ["PATH"], **variables}, b""
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:  # noqa: S603
        assert running.stdout is not None
        for line in running.stdout:
            logged += line
            if READY in line:
                break
        running.kill()
    return logged


@dataclass(frozen=True)
class Centrifugo:
    """A running Centrifugo. `log` is its log file."""

    url: str
    log: Path
    pid: int

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/connection/websocket"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process with SIGSTOP for the `with` block: it answers no request and keeps its state."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def running(path: Path, config: Config, **variables: str) -> Iterator[Centrifugo]:
    """Centrifugo with this configuration, extended by `completed`, and with these environment variables."""
    with TemporaryDirectory() as folder, ExitStack() as processes:
        for _ in range(PORT_ATTEMPTS):
            log = Path(folder, "log")
            port, popen = _start(path, config, Path(folder, "config.json"), log, variables)
            processes.callback(_kill, popen)
            if _is_ready(popen, port, log):
                break
        else:
            raise AssertionError(log.read_text())
        yield Centrifugo(f"http://127.0.0.1:{port}", log, popen.pid)


def _start(
    path: Path, config: Config, file: Path, log: Path, variables: Mapping[str, str]
) -> tuple[int, "subprocess.Popen[bytes]"]:
    port = free_port()
    file.write_text(json.dumps(completed(config, layout(path), port)))
    env = {"PATH": os.environ["PATH"], **variables}
    with log.open("wb") as out:
        return port, subprocess.Popen((path, "-c", file), env=env, stdout=out, stderr=out)  # noqa: S603


def _kill(popen: "subprocess.Popen[bytes]") -> None:
    popen.kill()
    popen.wait()


def _is_ready(popen: "subprocess.Popen[bytes]", port: int, log: Path) -> bool:
    """True once it listens; False if another process has taken the port meanwhile."""
    until = time.monotonic() + START_S
    while popen.poll() is None:
        assert time.monotonic() < until, f"Centrifugo did not become ready:\n{log.read_text()}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    assert "address already in use" in log.read_text(), log.read_text()
    return False
