"""A real Centrifugo v6 on loopback, with the configuration that the service prints for it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from bench.parts.processes import LOOPBACK, ROOT, BenchError, process
from bench.parts.websocket import ORIGIN
from tools.ports import free_ports

BINARY: Final = ROOT / ".cache" / "centrifugo-v6"


class Node(NamedTuple):
    """A running Centrifugo."""

    port: int
    pid: int


def require_centrifugo() -> None:
    """Raises BenchError if Centrifugo is not built."""
    if not BINARY.exists():
        raise BenchError("Centrifugo is not built: run `make centrifugo`.")


@contextmanager
def centrifugos(number: int, service_port: int, token: str, *, own_session: bool = False) -> Iterator[list[Node]]:
    """Run `number` Centrifugo nodes that call the service, each with its own memory engine. Raises BenchError.

    Connects do not use the engine, so a storm does not need a common engine.
    """
    require_centrifugo()
    config = _printed(service_port, token)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        nodes = []
        for port in free_ports(number):
            config["client"]["allowed_origins"] = [ORIGIN]
            config["http_server"] = {"address": LOOPBACK, "port": str(port)}
            config["log"] = {"level": "error"}
            file = Path(folder, f"{port}.json")
            file.write_text(json.dumps(config))
            environment = {"CENTRIFUGO_VAR_PROXY_TOKEN": token}
            arguments = ["-c", str(file)]
            running = process("Centrifugo", arguments, port, environment, program=str(BINARY), own_session=own_session)
            nodes.append(Node(port, stack.enter_context(running)))
        yield nodes


def _printed(service_port: int, token: str) -> dict[str, Any]:
    """The configuration that `manage.py centrifugo_config` prints for a service on this port."""
    endpoint = f"http://{LOOPBACK}:{service_port}"
    command = [sys.executable, "manage.py", "centrifugo_config", "--format", "json", "--endpoint", endpoint]
    environment = {"CENTRIFUGO_PROXY_TOKEN": token}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise BenchError(f"manage.py centrifugo_config failed:\n{run.stderr}")
    config: dict[str, Any] = json.loads(run.stdout)
    return config
