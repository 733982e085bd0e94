"""A real SPIRE server and agent on loopback, for a trust domain with two workloads. `make spire` builds them."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.harness.paths import ROOT
from tools.ports import free_port

FOLDER: Final = ROOT / ".cache" / "spire"
SERVER, AGENT = FOLDER / "spire-server", FOLDER / "spire-agent"
REALTIME, IDENTITY = "spiffe://example.org/realtime", "spiffe://example.org/identity"
START_S: Final = 60.0

SERVER_CONFIGURATION: Final = """
server {{
  bind_address = "127.0.0.1"
  bind_port = "{port}"
  socket_path = "{folder}/server.sock"
  trust_domain = "example.org"
  data_dir = "{folder}/server"
  log_level = "WARN"
  default_x509_svid_ttl = "20s"
  agent_ttl = "1h"
}}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "sqlite3", connection_string = "{folder}/server.sqlite3" }} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "memory" {{ plugin_data {{}} }}
}}
"""
AGENT_CONFIGURATION: Final = """
agent {{
  server_address = "127.0.0.1"
  server_port = "{port}"
  socket_path = "{folder}/agent.sock"
  trust_domain = "example.org"
  data_dir = "{folder}/agent"
  log_level = "WARN"
  insecure_bootstrap = true
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ directory = "{folder}/agent" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"""


class SpireError(Exception):
    """A command of SPIRE failed, or its server or agent did not become ready."""


@dataclass
class Spire:
    """A running server and agent. `socket` is the value of SPIFFE_ENDPOINT_SOCKET for the agent."""

    folder: Path
    agent: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        return f"unix://{self.folder}/agent.sock"

    def tell(self, *arguments: str) -> str:
        """The output of a command of the server. Raises SpireError."""
        command = [str(SERVER), *arguments, "-socketPath", str(self.folder / "server.sock")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)  # noqa: S603
        if ended.returncode:
            raise SpireError(ended.stderr or ended.stdout)
        return ended.stdout

    def start_agent(self, *arguments: str) -> None:
        command = [str(AGENT), "run", "-config", str(self.folder / "agent.conf"), *arguments]
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def kill_agent(self) -> None:
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))


@contextmanager
def spire(folder: Path) -> Iterator[Spire]:
    """A running server and agent that give this user's processes both IDs."""
    names = {"folder": str(folder), "port": str(free_port())}
    (folder / "server.conf").write_text(SERVER_CONFIGURATION.format(**names))
    (folder / "agent.conf").write_text(AGENT_CONFIGURATION.format(**names))
    for each in ("server", "agent"):
        (folder / each).mkdir()
    running = Spire(folder)
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen([str(SERVER), "run", "-config", str(folder / "server.conf")], stdout=log, stderr=log)  # noqa: S603
    try:
        _set_up(running)
        yield running
    finally:
        running.kill_agent()
        server.kill()
        server.wait()


def _set_up(running: Spire) -> None:
    uid = (Path("/proc/self").stat()).st_uid
    _until(lambda: bool(running.tell("healthcheck")), running)
    token = re.findall(r"Token: (\S+)", running.tell("token", "generate", "-spiffeID", "spiffe://example.org/agent"))
    for spiffe_id in (REALTIME, IDENTITY):
        entry = ("-parentID", "spiffe://example.org/agent", "-spiffeID", spiffe_id, "-selector", f"unix:uid:{uid}")
        running.tell("entry", "create", *entry, "-x509SVIDTTL", "20")
    running.start_agent("-joinToken", token[0])
    _until((running.folder / "agent.sock").exists, running)


def _until(condition: object, running: Spire) -> None:
    assert callable(condition)
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with contextlib.suppress(SpireError):
            if condition():
                return
        time.sleep(0.2)
    raise SpireError(running.logs())
