"""The users of the demonstration."""

from typing import Final

FAMILY: Final = "family-1"
CHAT: Final = f"family:{FAMILY}:chat"
# Users and their families.
HOUSEHOLDS: Final = {"parent": FAMILY, "child": FAMILY, "neighbour": "family-2"}
