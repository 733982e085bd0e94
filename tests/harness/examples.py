"""The number of examples that a property test tries: the number in its decorator times the variable EXAMPLES.

`make check` sets EXAMPLES to 0.1. Its default is 0.5 in `make test`, and otherwise 1.
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
