"""How a path that was given for a secret may be shown: it may be the secret itself, set by mistake."""

from typing import Final

LONGEST: Final = 4096  # a path the system would take
UNSHOWN: Final = "the file it names"


def safe_path(path: str) -> str:
    """The path if it looks like one, otherwise UNSHOWN: a base64 secret has slashes too, and a PEM has lines."""
    looks_like_one = path.startswith(("/", "./")) and len(path) <= LONGEST and path.isprintable()
    return path if looks_like_one else UNSHOWN
