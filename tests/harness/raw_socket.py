"""A blocking socket to a service in another process, for bytes that no HTTP client sends."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.harness.processes import Process

PATIENCE_S = 20.0


@dataclass
class RawSocket:
    """A connection to a service."""

    socket: socket.socket

    def send(self, data: bytes) -> None:
        """Send all the bytes, unless the service has closed the connection."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def read_to_end(self) -> bytes:
        """All bytes until the service closes or resets the connection."""
        read = b""
        with suppress(ConnectionError):
            while part := self.socket.recv(65536):
                read += part
        return read

    def answer(self) -> tuple[int, bytes]:
        """The next response: its status and its body."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, head
            head += byte
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None
        body = b""
        while len(body) < int(length[1]):
            body += self.socket.recv(int(length[1]) - len(body))
        return int(head.split()[1]), body


@contextmanager
def raw_socket(process: Process) -> Iterator[RawSocket]:
    """A connection to the service."""
    with socket.create_connection(("127.0.0.1", process.port), PATIENCE_S) as connection:
        yield RawSocket(connection)


def statuses(answers: bytes) -> list[int]:
    """The statuses of the responses in these bytes."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def rss_kib(process: Process) -> int:
    """The resident memory of the process, in KiB."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def open_sockets(process: Process) -> int:
    """The number of sockets of the process; duplicated descriptors count once."""
    folder = Path(f"/proc/{process.popen.pid}/fd")
    sockets = set()
    for link in folder.iterdir():
        with suppress(FileNotFoundError):
            sockets.add(str(link.readlink()))
    return sum(each.startswith("socket:") for each in sockets)
