"""The addresses on which a process and its children listen, from /proc."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LISTENS: Final = "0A"


def listening_addresses(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports of all listening TCP sockets of this process and its descendants."""
    inodes = {inode for each in family(pid) for inode in sockets(each)}
    return {address for inode, address in listeners() if inode in inodes}


def family(pid: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def sockets(pid: int) -> Iterator[str]:
    """The inodes of the sockets of a process."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue  # the descriptor was closed meanwhile
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            yield match[1]


def listeners() -> Iterator[tuple[str, tuple[str, int]]]:
    """The inode and the address of each listening TCP socket of this machine."""
    for name, kind in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENS:
                host, port = local.split(":")
                address = socket.inet_ntop(kind, network_order(host))
                # An IPv4 address on a socket for both families has this prefix.
                yield inode, (address.removeprefix("::ffff:"), int(port, 16))


def network_order(text: str) -> bytes:
    """The address in network order; a little-endian kernel writes words of four bytes, each reversed."""
    words = [bytes.fromhex(text[start : start + 8]) for start in range(0, len(text), 8)]
    return b"".join(word[::-1] for word in words)
