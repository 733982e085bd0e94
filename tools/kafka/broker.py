"""A Kafka broker with one node, on loopback. The tests, the demo and the benchmark use it. `make kafka` fetches it.

The broker's data and log are in a folder that the caller chooses. The caller must end the broker, with `kill` or
`terminate`.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.ports import free_ports

HOME: Final = Path(__file__).resolve().parents[2] / ".cache" / "kafka"
# This is not "localhost", because on most machines that name also stands for ::1. Kafka's library would try ::1 first,
# and report an error.
LOOPBACK: Final = "127.0.0.1"
START_S: Final = 60.0
CLUSTER: Final = "AAAAAAAAQACAAAAAAAAAAQ"
JAVA_OPTIONS: Final = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
QUIET: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class BrokerError(Exception):
    """The broker did not start. The message ends with the last lines of its log."""


def why_missing(home: Path = HOME) -> str:
    """The reason why a broker cannot be started here; "" if it can."""
    if shutil.which("java") is None:
        return "Java is not installed; on Debian, install the package default-jre-headless."
    if not (home / "format" / "meta.properties").is_file():
        return "Kafka is missing: run `make kafka`, which fetches it with Maven."
    return ""


class Broker:
    """A broker whose data is in `folder`. After a restart it has the same ports and data.

    `listeners` adds listeners. It maps names to security protocols, such as {"SECURE": "SASL_SSL"}. `properties` are
    additional server properties of Kafka.
    """

    def __init__(
        self,
        folder: Path,
        *,
        listeners: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        home: Path = HOME,
    ) -> None:
        self._folder = folder
        self._home = home
        self._protocols = {"PLAINTEXT": "PLAINTEXT", **(listeners or {})}
        ports = free_ports(len(self._protocols) + 1)
        self.ports = dict(zip(self._protocols, ports, strict=False))
        self._properties = {
            **_properties(folder / "data", self._protocols, self.ports, ports[-1]),
            **(properties or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port of the listener without encryption and authentication."""
        return self.address_of("PLAINTEXT")

    def address_of(self, listener: str) -> str:
        """host:port of a listener."""
        return f"{LOOPBACK}:{self.ports[listener]}"

    def start(self, *options: str) -> None:
        """Start the broker with additional Java options. Wait until all listeners accept connections.

        Raises BrokerError if the broker does not start.
        """
        self._prepare()
        archive = self._home / "kafka.jsa"
        shared = options or ([f"-XX:SharedArchiveFile={archive}"] if archive.is_file() else [])
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*java(self._home, *shared), "kafka.Kafka", str(self._folder / "server.properties")],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _prepare(self) -> None:
        data = self._folder / "data"
        if not data.exists():
            shutil.copytree(self._home / "format", data)
        lines = "".join(f"{name}={value}\n" for name, value in self._properties.items())
        (self._folder / "server.properties").write_text(lines)

    def _wait(self) -> None:
        until = time.monotonic() + START_S
        while not all(map(_accepts, self.ports.values())):
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise BrokerError(f"Kafka did not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the broker immediately. Records that it has acknowledged are not lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self) -> None:
        """Shut the broker down in an orderly way. This takes some seconds."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_S)
            self._process = None

    def wait(self) -> int:
        """Wait until the broker, which must be running, ends. Returns its exit code."""
        assert self._process is not None  # noqa: S101  (for mypy: the broker runs)
        return self._process.wait()

    def log(self) -> str:
        """The broker's output."""
        log = self._folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""


def java(home: Path, *options: str) -> list[str]:
    """The java command. The jars have a fixed order, because a class-data archive can only be used with the class path
    with which it was made.
    """
    jars = ":".join(str(jar) for jar in sorted((home / "libs").glob("*.jar")))
    return [shutil.which("java") or "java", *JAVA_OPTIONS, QUIET, *options, "-cp", jars]


def _properties(data: Path, protocols: Mapping[str, str], ports: Mapping[str, int], control: int) -> dict[str, str]:
    listeners = ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{control}",
        "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{control}",
        "advertised.listeners": listeners,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in {**protocols, "CONTROLLER": "PLAINTEXT"}.items()
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",  # otherwise the first member of each group waits 3 s
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
        "num.network.threads": "1",
        "num.io.threads": "2",
    }


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def prepare(home: Path = HOME) -> None:
    """Format an empty data folder as a template. Also make the class-data archive, which makes the startup shorter."""
    scratch = home / f"scratch-{os.getpid()}"
    scratch.mkdir()
    try:
        _format(home, scratch)
        _archive(home, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _format(home: Path, scratch: Path) -> None:
    properties = _properties(scratch / "format", {"PLAINTEXT": "PLAINTEXT"}, {"PLAINTEXT": 1}, 2)
    file = scratch / "format.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    command = [*java(home), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
    shutil.rmtree(home / "format", ignore_errors=True)
    shutil.copytree(scratch / "format", home / "format")


def _archive(home: Path, scratch: Path) -> None:
    """Run the broker once. Java writes the archive when the broker ends."""
    made = scratch / "kafka.jsa"
    (scratch / "run").mkdir()
    broker = Broker(scratch / "run", home=home)
    broker.start(f"-XX:ArchiveClassesAtExit={made}")
    broker.terminate()
    made.rename(home / "kafka.jsa")


if __name__ == "__main__":
    prepare()
