"""Clients that have ended their sending: some wait for their answer, most have gone. Both look alike.

The difference shows once something is written: the system of a client that is gone answers with a reset. HTTP/1.1 has
something to write, an interim response, which clients skip (RFC 9110, 15.2).
"""

import asyncio
import socket
from typing import Final

from realtime_site.serving.http_messages import CONTINUE

RESET_S: Final = 0.01  # for the reset to come back; machines of one cluster take a fraction of it
TCP_CLOSED: Final = 7  # TCP_CLOSE, the first byte of Linux' struct tcp_info


async def has_left(transport: asyncio.Transport) -> bool:
    """True if the client does not read any more. Writes an interim response, so only while HTTP/1.1 waits for one."""
    if transport.is_closing():
        return True
    transport.write(CONTINUE)
    if not _is_reset(transport):
        await asyncio.sleep(RESET_S)
    return _is_reset(transport)


def _is_reset(transport: asyncio.Transport) -> bool:
    if transport.is_closing():
        return True
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:  # a Unix socket
        return False
    return bool(info[0] == TCP_CLOSED)
