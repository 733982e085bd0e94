"""Starts Centrifugo with the configuration that the service prints for it."""

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from common.os_errors import reason
from demo.errors import DemoError
from demo.identity import LOOPBACK
from demo.private import write_private
from demo.process import ROOT, Child, child

BUILT: Final = ROOT / ".cache" / "centrifugo-v6"
# The interval at which Centrifugo looks for expired subscriptions, and the time that it waits before it closes them.
# They are short, so that a parental lock takes effect quickly. The defaults are 27 s and 25 s.
SHORT_DELAYS: Final = {"presence_update_interval": "1s", "expired_sub_close_delay": "1s"}
# With the level `error`, each failed refresh in an outage would print a line to the terminal.
LOG_LEVEL: Final = "fatal"

Config = dict[str, Any]


def find_binary(named: str, built: Path) -> Path | None:
    """The binary `named` (CENTRIFUGO_BIN), or else the binary that make has built, or else None. Raises DemoError."""
    if named and not _is_program(Path(named)):
        raise DemoError(f"CENTRIFUGO_BIN is {named!r}, which is not an executable file.")
    if named:
        return Path(named).resolve()
    return built if _is_program(built) else None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


@dataclass(frozen=True)
class Front:
    """The operator's part of Centrifugo's configuration: the port, the key of the server API, the allowed origins."""

    port: int
    api_key: str
    origins: list[str]


@asynccontextmanager
async def running_centrifugo(
    binary: Path, folder: Path, service: Mapping[str, str], front: Front
) -> AsyncIterator[Child]:
    """Run a Centrifugo that calls the service. `service` is the environment of the service. Raises DemoError."""
    major = await layout(binary)
    file = folder / "centrifugo.json"
    write_private(file, json.dumps(completed(await printed(major, service), major, front)))
    # The shell's variables are left out, because Centrifugo reads every variable that begins with CENTRIFUGO_.
    environment = {"PATH": os.environ["PATH"]}
    async with child("Centrifugo", [str(binary), "-c", str(file)], environment, front.port) as process:
        yield process


async def layout(binary: Path) -> int:
    """The major version of the binary: 6 if its help lists an option of v6, otherwise 5."""
    return 6 if "--http_server.port" in await _output([str(binary), "--help"], {"PATH": os.environ["PATH"]}) else 5


async def printed(major: int, service: Mapping[str, str]) -> Config:
    """The configuration that `manage.py centrifugo_config` prints for the service, including the guard's token."""
    options = ["--major", str(major), "--format", "json", "--with-secrets"]
    options += ["--endpoint", f"http://{LOOPBACK}:{service['LISTEN_PORT']}"]
    config: Config = json.loads(await _output([sys.executable, "manage.py", "centrifugo_config", *options], service))
    return config


def completed(config: Config, major: int, front: Front) -> Config:
    """The configuration, completed with the operator's part, the log level and SHORT_DELAYS."""
    if major == 5:
        return {
            **config,
            "address": LOOPBACK,
            "port": str(front.port),
            "log_level": LOG_LEVEL,
            "api_key": front.api_key,
            "allowed_origins": front.origins,
            **{f"client_{name}": delay for name, delay in SHORT_DELAYS.items()},
        }
    return {
        **config,
        "http_server": {"address": LOOPBACK, "port": str(front.port)},
        "log": {"level": LOG_LEVEL},
        "http_api": {"key": front.api_key},
        "client": {**config["client"], **SHORT_DELAYS, "allowed_origins": front.origins},
    }


async def _output(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        process = await create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise DemoError(f"Cannot run {command[0]}: {reason(error)}.") from None
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:  # the demonstration ends before the command does
            process.kill()
            await process.wait()
    if process.returncode:
        raise DemoError(f"{' '.join(command)} ended with code {process.returncode}:\n{err.decode().strip()}")
    return out.decode()
