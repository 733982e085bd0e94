"""A client that receives every publication of the channels: python -m bench.parts.subscriber PORT

The client is a process of its own. It reads and discards all data from Centrifugo until it is killed. When it is
subscribed to all channels, it prints a line. It ends if Centrifugo closes the connection.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from bench.parts.bridge_forms import CHANNELS, channel_of
from bench.parts.processes import LOOPBACK, ROOT, BenchError, without_ours
from bench.parts.websocket import command_frame, handshake

CHUNK: Final = 1 << 20
LAST_REPLY: Final = f'"id":{CHANNELS + 1},'.encode()


@contextmanager
def subscribed(port: int, clients: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run this many clients. Raises BenchError if a client cannot subscribe, or ends before the `with` block ends."""
    with ExitStack() as stack:
        running = [stack.enter_context(_client(port)) for _ in range(clients)]
        yield running
        if any(popen.poll() is not None for popen in running):
            raise BenchError("Centrifugo closed the connection of a subscriber.")


@contextmanager
def _client(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "bench.parts.subscriber", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=without_ours(), stdout=subprocess.PIPE) as popen:  # noqa: S603
        try:
            if popen.stdout is None or not popen.stdout.readline():
                raise BenchError("A subscriber could not subscribe.")
            yield popen
        finally:
            popen.kill()


def receive(port: int) -> None:
    """Connect, subscribe to all channels, and read until the connection is closed."""
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(handshake(port))
        connection.recv(CHUNK)
        # The commands are sent in a thread, because publications already arrive at the same time.
        threading.Thread(target=connection.sendall, args=(commands(),)).start()
        received, end = bytearray(CHUNK), b""
        ready = False
        while size := connection.recv_into(received):
            if not ready:
                seen = end + received[:size]
                ready, end = LAST_REPLY in seen, seen[-len(LAST_REPLY) :]
                sys.stdout.write("subscribed\n" if ready else "")
                sys.stdout.flush()


def commands() -> bytes:
    """A connect command, and a subscription to each channel. Their ids count from 1."""
    subscriptions = [{"id": 2 + each, "subscribe": {"channel": channel_of(each)}} for each in range(CHANNELS)]
    return b"".join(map(command_frame, [{"id": 1, "connect": {}}, *subscriptions]))


if __name__ == "__main__":
    receive(int(sys.argv[1]))
