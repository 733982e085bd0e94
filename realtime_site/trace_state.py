"""The bounds of a `tracestate` header, which a client can send through Centrifugo.

https://www.w3.org/TR/trace-context/#tracestate-limits
"""

import re
from typing import Final

MAX_BYTES: Final = 512
MAX_MEMBERS: Final = 32
# Valid as gRPC metadata. OpenTelemetry accepts up to 8 KiB.
FORM: Final = re.compile(rb"[\x20-\x7e]{1,%d}" % MAX_BYTES)


def is_passed_on(state: bytes) -> bool:
    """True if the calls made for the request may carry this header. Otherwise the whole header is dropped."""
    return FORM.fullmatch(state) is not None and state.count(b",") < MAX_MEMBERS
