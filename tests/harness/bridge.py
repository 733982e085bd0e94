"""`manage.py run_bridge` as a process, with the Kafka and the Centrifugo that a test chooses."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.processes import Process, started_warm
from tools.ports import free_port

GIVE_UP_S = 40.0


@dataclass
class BridgeProcess:
    """A started bridge process."""

    process: Process

    def health(self) -> dict[str, Any]:
        """The body of /health, or {} while the bridge does not answer."""
        try:
            body: dict[str, Any] = self.process.http.get("/health").json()
        except httpx.TransportError:
            return {}
        return body

    def metric(self, sample: str) -> float:
        """The value of a sample such as `realtime_bridge_paused`."""
        found = re.search(f"^{re.escape(sample)} (.*)$", self.process.http.get("/metrics").text, re.MULTILINE)
        assert found is not None, sample
        return float(found[1])

    def wait_until(self, condition: Callable[[dict[str, Any]], bool], within_s: float = GIVE_UP_S) -> None:
        """Wait until the condition is true for the body of /health."""
        until = time.monotonic() + within_s
        while not condition(health := self.health()):
            assert self.process.popen.poll() is None, self.process.stderr()
            assert time.monotonic() < until, f"{health}\n{self.process.stdout()}\n{self.process.stderr()}"
            time.sleep(0.05)

    def wait_until_assigned(self, partitions: int) -> None:
        self.wait_until(lambda health: health.get("assigned") == partitions)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.popen.kill()
        self.process.popen.wait()


@contextmanager
def running_bridge(routes: Path, kafka: str, centrifugo: str, **variables: str) -> Iterator[BridgeProcess]:
    """A bridge process that may not be ready yet; it is killed at the end.

    `kafka` is host:port, `centrifugo` the URL of Centrifugo's API.
    """
    port = free_port()
    own = {
        "BRIDGE_ROUTES_PATH": str(routes),
        "BRIDGE_KAFKA_BROKERS": kafka,
        "CENTRIFUGO_API_URL": centrifugo,
        "BRIDGE_LISTEN_HOST": "127.0.0.1",
        "BRIDGE_LISTEN_PORT": str(port),
    }
    with started_warm(["run_bridge"], port, **{**own, **variables}) as process:
        yield BridgeProcess(process)
