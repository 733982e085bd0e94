"""A cluster of one pod on this machine, and a substitute for kubectl, for the commands of docs/runbook.md.

The pod is a real process of the service. Its folder has `environment.json` (the pod's variables), `pool` (the mounted
Secret) and `pid`. It also has the substitutes of programs; the folder comes first in PATH.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.paths import ROOT
from tests.harness.processes import START_S

POD = "pod/realtime-service-1"


@dataclass(frozen=True)
class Cluster:
    """The pod whose files are in `folder`."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        variables: dict[str, str] = json.loads((self.folder / "environment.json").read_text())
        return variables

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.variables['LISTEN_PORT']}"

    def create(self, variables: dict[str, str]) -> None:
        """Write the pod's environment and the programs; `start` starts the pod."""
        (self.folder / "environment.json").write_text(json.dumps(variables))
        self._program(
            "kubectl", f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.harness.fake_cluster {self.folder} "$@"'
        )
        self._program("manage.py", f'exec {sys.executable} {ROOT / "manage.py"} "$@"')
        # A `sleep` of the runbook always takes 1.2 s here.
        self._program("sleep", f"exec {shutil.which('sleep')} 1.2")

    def _program(self, name: str, line: str) -> None:
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{line}\n")
        file.chmod(0o700)

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run these lines in an operator's shell."""
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)}
        return subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", commands],
            cwd=self.folder, env=variables, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "manage.py", "serve"]
            pod = subprocess.Popen(command, cwd=ROOT, env=self.variables, stdout=log, stderr=log)  # noqa: S603
        (self.folder / "pid").write_text(str(pod.pid))

    def stop(self) -> None:
        """End the pod with SIGTERM; returns when the port is free."""
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGTERM)
        self._until(lambda: not self._listens())

    def wait_until_ready(self) -> None:
        self._until(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.variables["LISTEN_PORT"]))) == 0

    def _until(self, condition: Any) -> None:
        until = time.monotonic() + START_S
        while not condition():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.03)


def kubectl(cluster: Cluster, arguments: list[str]) -> int:
    """Runs the kubectl commands that the runbook uses; returns the exit code."""
    match arguments:
        case ["exec", _, "--", "python", *command]:
            return subprocess.call([sys.executable, *command], cwd=ROOT, env=cluster.variables)  # noqa: S603
        case ["replace", "-f", "-"]:
            (cluster.folder / "pool").write_bytes(base64.b64decode(sys.stdin.read()))
        case ["rollout", "restart", "deployment/realtime-service"]:
            cluster.stop()
            cluster.start()
        case ["rollout", "status", "deployment/realtime-service"]:
            cluster.wait_until_ready()
        case _:
            sys.stdout.write(f"{output_of(cluster, arguments)}\n")
    return 0


def output_of(cluster: Cluster, arguments: list[str]) -> str:
    """The output of the kubectl commands that only print."""
    match arguments:
        case ["get", "pods", "-l", "app.kubernetes.io/name=realtime-service", *output]:
            return POD if output else f"NAME  READY\n{POD}  1/1"
        case ["port-forward", "deploy/realtime-service", port]:
            return f"Forwarding from {port}"
        case ["logs", "--previous", pod, "--tail", _] if pod == POD:
            return (cluster.folder / "log").read_text()
        case ["create", "secret", "generic", "centrifugo-fallback-tickets", source, "--dry-run=client", "-o", "yaml"]:
            file = source.removeprefix("--from-file=fallback-tickets.txt=")
            return base64.b64encode(Path(file).read_bytes()).decode()
    sys.exit(f"this kubectl command is not supported: {arguments}")


if __name__ == "__main__":
    sys.exit(kubectl(Cluster(Path(sys.argv[1])), sys.argv[2:]))
