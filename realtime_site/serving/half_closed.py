"""Distinguishes clients that have closed their connection from clients that have only finished sending.

Both kinds of client send a FIN. They differ when the server writes: if the client has closed, its kernel answers with a
reset. The server writes an interim response of HTTP/1.1, which other clients skip (RFC 9110, 15.2).
"""

import asyncio
from typing import Final

from realtime_site.serving.http_messages import CONTINUE
from realtime_site.serving.socket_state import CLOSED, socket_state

RESET_S: Final = 0.01  # how long to wait for the reset; in a cluster, it takes less than a millisecond


async def has_left(transport: asyncio.Transport) -> bool:
    """True if the client has closed, and its reset arrives within RESET_S.

    Call this only while the client waits for an HTTP/1.1 response, because this function writes an interim response.
    """
    if transport.is_closing():
        return True
    transport.write(CONTINUE)
    if not _is_reset(transport):
        await asyncio.sleep(RESET_S)
    return _is_reset(transport)


def _is_reset(transport: asyncio.Transport) -> bool:
    return transport.is_closing() or socket_state(transport).state == CLOSED
