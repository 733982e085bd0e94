"""Encodes JSON that stays in memory until Centrifugo has accepted it."""

from typing import Any

import orjson


def dumped(value: Any) -> bytes:
    """The value as JSON. Raises orjson.JSONEncodeError.

    Returns a copy, because orjson's own result takes 4 KiB of memory even if it is short.
    """
    return b"%b" % orjson.dumps(value)
