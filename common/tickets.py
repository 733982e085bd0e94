"""The length of a ticket: what connect accepts, and what a pool of fallback tickets may contain."""

from typing import Final

MAX_TICKET_CHARACTERS: Final = 4096
