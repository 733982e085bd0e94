"""Rules for segments of channel names. The bridge builds channels from segments; the channel policy checks them."""

from typing import Final

# Characters with a special meaning in Centrifugo's channels or in patterns.
RESERVED: Final = frozenset("#$&*{}/")


def is_plain_segment(text: str) -> bool:
    """True if the text is not empty, is printable, and has no white space and no reserved character."""
    if text.isalnum():  # a fast check for the usual case
        return True
    return text != "" and text.isprintable() and " " not in text and RESERVED.isdisjoint(text)
