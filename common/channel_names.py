"""What one segment of a channel may be. The bridge makes channels of segments, the channel policy judges them."""

from typing import Final

# Characters that mean something to Centrifugo, or to a pattern.
RESERVED: Final = frozenset("#$&*{}/")


def is_plain_segment(text: str) -> bool:
    """Whether the text is printable, not empty, without white space, and has nothing reserved in it."""
    if text.isalnum():  # most are, and none of these is unprintable or reserved
        return True
    return text != "" and text.isprintable() and " " not in text and RESERVED.isdisjoint(text)
