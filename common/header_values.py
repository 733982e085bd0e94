"""Checks that an HTTP header can carry a secret."""

import codecs
from typing import Final

BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def why_not_sendable(secret: bytes) -> str:
    """The part of the secret that no HTTP header can carry, such as "a line break"; "" if there is no such part.

    Clients and proxies trim or refuse white space, so a secret with white space may differ from the received value.
    The returned text never quotes the secret.
    """
    text = _text(secret)
    if secret.startswith(BYTE_ORDER_MARKS):
        return "a byte order mark"
    if "\r" in text or "\n" in text:
        return "a line break"
    if any(character.isspace() for character in text):
        return "white space"
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in text):
        return "a control character"
    return "a character outside Latin-1" if any(character > "\xff" for character in text) else ""


def _text(secret: bytes) -> str:
    try:
        return secret.decode()
    except UnicodeDecodeError:
        return secret.decode("latin-1")
