"""A real redis-server on loopback, and Sentinels, for the tests of the claims."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from tools.ports import free_port

START_S: Final = 20.0
needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed (Debian's package has that name)"
)


@dataclass
class RedisProcess:
    """A started server. `ask` sends a command on a new connection."""

    command: list[str]
    folder: Path
    port: int
    password: str
    popen: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}" if self.password else f"redis://127.0.0.1:{self.port}"

    def ask(self, *command: str) -> Any:
        once = Retry(NoBackoff(), 0)
        with Redis(port=self.port, password=self.password or None, decode_responses=True, retry=once) as client:
            return client.execute_command(*command)

    def everything(self) -> str:
        """Every key and every value in the database, as one string."""
        keys = sorted(self.ask("KEYS", "*"))
        return "\n".join(f"{key}={self.ask('GET', key)}" for key in keys)

    def pause(self) -> None:
        """Stop the process with SIGSTOP; connections stay open. Returns when the kernel reports it as stopped."""
        self.popen.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{self.popen.pid}/stat")
        until = time.monotonic() + START_S
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < until
            time.sleep(0.005)

    def resume(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the server with SIGKILL, as the kernel does when memory is short."""
        self.popen.kill()
        self.popen.wait()

    def restart(self) -> None:
        """Start the killed server again, on the same port."""
        self.popen = _launched(self.command, self.folder)
        self.wait()

    def wait(self) -> None:
        until = time.monotonic() + START_S
        while not self._answers():
            assert self.popen.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except RedisError as error:
            return "LOADING" not in str(error) and "connecting" not in str(error)


def _launched(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603


@contextmanager
def redis_server(folder: Path, *, password: str = "", **options: str) -> Iterator[RedisProcess]:
    """A running server without persistence; `options` are its configuration, with _ for -."""
    port = free_port()
    configuration = {
        "bind": "127.0.0.1",
        "port": str(port),
        "save": "",
        "dir": str(folder),
        "repl-diskless-sync-delay": "0",
        **options,
    }
    if password:
        configuration["requirepass"] = configuration["masterauth"] = password
    arguments = [
        part for name, value in configuration.items() for part in (f"--{name.replace('_', '-')}", *value.split(" "))
    ]
    with _running(["redis-server", *arguments], folder, port, password) as server:
        yield server


@contextmanager
def redis_sentinel(folder: Path, primary: RedisProcess, service: str) -> Iterator[RedisProcess]:
    """A Sentinel that watches `primary` under the name `service`, and considers it down after 300 ms."""
    port = free_port()
    configuration = folder / "sentinel.conf"
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\ndir {folder}\n"
        f"sentinel monitor {service} 127.0.0.1 {primary.port} 1\n"
        f"sentinel down-after-milliseconds {service} 300\n"
        f"sentinel failover-timeout {service} 3000\n"
    )
    with _running(["redis-server", str(configuration), "--sentinel"], folder, port, "") as server:
        yield server


@contextmanager
def _running(command: list[str], folder: Path, port: int, password: str) -> Iterator[RedisProcess]:
    server = RedisProcess(command, folder, port, password, _launched(command, folder))
    try:
        server.wait()
        yield server
    finally:
        server.resume()
        server.kill()
