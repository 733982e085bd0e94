"""Makes the configured path of a secret safe to display: an operator may set the secret itself by mistake."""

from typing import Final

LONGEST: Final = 4096  # PATH_MAX
UNSHOWN: Final = "the file it names"


def safe_path(path: str) -> str:
    """The path if it begins with / or ./ and is printable text of at most LONGEST characters; otherwise UNSHOWN.

    A slash elsewhere, or several lines, may be base64 or PEM.
    """
    looks_like_one = path.startswith(("/", "./")) and len(path) <= LONGEST and path.isprintable()
    return path if looks_like_one else UNSHOWN
