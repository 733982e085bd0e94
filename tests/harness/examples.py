"""The number of examples that the property tests try.

`make check` tries a tenth of them, `make test` half of them, and `make test EXAMPLES=10` ten times as many.
"""

import os
from typing import Final

from hypothesis import settings

FACTOR: Final = float(os.environ.get("EXAMPLES") or 1)


def examples(count: int) -> settings:
    """`count` examples, scaled by the variable EXAMPLES."""
    return settings(max_examples=scaled(count))


def scaled(count: int) -> int:
    """`count` times EXAMPLES, at least 5."""
    return max(5, round(count * FACTOR))
