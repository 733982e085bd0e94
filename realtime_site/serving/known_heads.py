"""Remembers the heads that the parser has accepted, so that the next request with the same head is not parsed again.

Centrifugo sends almost the same head with every request for an event: only the length of the body and the forwarded
client headers differ. Parsing a head calls back into Python a dozen times, which is a fifteenth of the work of a
connect. A remembered head is used if the bytes of one read are exactly this head and a body of the announced length.
The parser would find the same request.
"""

from collections.abc import Sequence
from typing import Final

from realtime_site.serving.http_parser import Request

HEAD_END: Final = b"\r\n\r\n"
MOST_HEADS: Final = 256
LONGEST_HEAD: Final = 2048
# Heads with these headers are always parsed. Such a request can have more parts than a head and a body of the announced
# length, or the value of the header differs in every request.
UNFIT: Final = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"trailer", b"traceparent", b"tracestate"})


class KnownHead:
    """A head whose requests have a body of `length` bytes. overload.py sets `judged_by` and `refusable`."""

    __slots__ = ("judged_by", "length", "refusable", "request")

    def __init__(self, request: Request, length: int) -> None:
        self.request, self.length = request, length
        self.judged_by: object = None
        self.refusable = False


class KnownHeads:
    """The heads of a process. If there are too many, all are dropped: heads that never repeat must not stay."""

    def __init__(self) -> None:
        self._heads: dict[bytes, KnownHead] = {}

    def find(self, read: bytes) -> tuple[KnownHead, bytes] | None:
        """The head and the body of a read that is a whole request with a known head; None for any other read."""
        head, _, body = read.partition(HEAD_END)
        known = self._heads.get(head)
        return None if known is None or len(body) != known.length else (known, body)

    def remember(self, read: bytes, request: Request) -> None:
        """Remember the head of `read`. The parser has found exactly this request in `read`.

        The head is not remembered if the announced length differs from the number of bytes after the first empty line
        of `read`. In this case, the empty line may not be the end of the head.
        """
        head, _, body = read.partition(HEAD_END)
        if len(head) > LONGEST_HEAD or not UNFIT.isdisjoint(name for name, _ in request.headers):
            return
        if _announced(request.headers) != len(body):
            return
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[head] = KnownHead(request, len(body))


def _announced(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """The length of the body in the content-length header; None if there is not exactly one such header."""
    lengths = [value for name, value in headers if name == b"content-length"]
    return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() else None


known_heads: Final = KnownHeads()
