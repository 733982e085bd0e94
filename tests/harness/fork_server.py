"""Starts manage.py in forks of itself: python -m tests.harness.fork_server DESCRIPTOR MODULE...

Most of the startup time of manage.py goes into the imports of libraries. This process imports the given modules once.
They must be libraries: each fork imports the project's own modules anew, with its own environment.

DESCRIPTOR is a SOCK_SEQPACKET socket. Each message on it starts a process. A message is a JSON object with `arguments`,
`environment` and `ignored` (signal numbers). It comes with three descriptors: stdout, stderr, and a socket for the new
process. On that socket the server sends the id of the process, and later its exit code in the form of `subprocess`. If
the other side closes the socket, the server kills the process. If the other side closes DESCRIPTOR, the server ends. If
the server ends for any reason, its processes end too.
"""

import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

MESSAGE_BYTES: Final = 200_000
DISPOSITIONS: Final = (signal.SIGHUP, signal.SIGQUIT)  # a process that was started by nohup or a shell may ignore them
PR_SET_PDEATHSIG: Final = 1  # of prctl(2)
LIBC: Final = ctypes.CDLL(None)


class Server:
    """The sockets of the running processes, by their ids."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._sockets: dict[int, socket.socket] = {}
        self._running: dict[int, int] = {}  # process ids, by the descriptors that become readable when they end

    def next_start(self) -> dict[str, Any] | None:
        """Fork for each message. Returns the message in the forked process, and None at the end of the server."""
        while True:
            sockets = {each.fileno(): pid for pid, each in self._sockets.items()}
            ready, _, _ = select.select([self._control.fileno(), *self._running, *sockets], [], [])
            for each in ready:
                if each in self._running:
                    self._reap(each)
                elif each in sockets and sockets[each] in self._running.values():
                    os.kill(sockets[each], signal.SIGKILL)
                    self._sockets.pop(sockets[each]).close()
            if self._control.fileno() in ready:
                message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 3)
                if not message:
                    return None
                if self._fork(descriptors) == 0:
                    return dict(json.loads(message))

    def _fork(self, descriptors: Sequence[int]) -> int:
        out, err, own = descriptors
        server = os.getpid()
        pid = os.fork()
        if pid:
            self._sockets[pid] = socket.socket(fileno=own)
            with suppress(ConnectionError):
                self._sockets[pid].send(str(pid).encode())
            self._running[os.pidfd_open(pid)] = pid
        else:
            end_with(server)
            os.dup2(out, 1)
            os.dup2(err, 2)
            for each in (self._control, *self._sockets.values()):
                each.close()
            for descriptor in (own, *self._running):
                os.close(descriptor)
        os.close(out)
        os.close(err)
        return pid

    def _reap(self, descriptor: int) -> None:
        pid = self._running.pop(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        if own := self._sockets.pop(pid, None):
            with own, suppress(ConnectionError):  # raised if the tests have ended
                own.send(str(os.waitstatus_to_exitcode(status)).encode())

    def kill_all(self) -> None:
        """Kill the running processes."""
        for pid in self._running.values():
            os.kill(pid, signal.SIGKILL)
        for descriptor in list(self._running):
            self._reap(descriptor)


def end_with(parent: int) -> None:
    """Let the system kill this process when `parent`, which has forked it, ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent has ended before the call
        os._exit(1)


def become(start: dict[str, Any]) -> None:
    """Run manage.py in this process, as a new interpreter would."""
    os.environ.clear()
    os.environ.update(start["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in DISPOSITIONS:
        signal.signal(number, signal.SIG_IGN if number in start["ignored"] else signal.SIG_DFL)
    sys.argv = ["manage.py", *start["arguments"]]
    runpy.run_path("manage.py", run_name="__main__")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after Ctrl-C the tests end, which ends the server
    for name in sys.argv[2:]:
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        server = Server(control)
        start = server.next_start()
        if start is None:
            server.kill_all()
    if start:
        become(start)


if __name__ == "__main__":
    main()
