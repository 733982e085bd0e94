"""Makes the configured path of a secret safe to display. By mistake, the setting may contain the secret itself."""

from typing import Final

LONGEST: Final = 4096  # PATH_MAX
UNSHOWN: Final = "the file it names"


def safe_path(path: str) -> str:
    """The path if it begins with / or ./ and is printable text of at most LONGEST characters; otherwise UNSHOWN.

    Text with a slash elsewhere, or with several lines, may be a secret in base64 or PEM.
    """
    looks_like_one = path.startswith(("/", "./")) and len(path) <= LONGEST and path.isprintable()
    return path if looks_like_one else UNSHOWN
