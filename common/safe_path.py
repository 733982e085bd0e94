"""Makes the configured path of a secret safe to display: by mistake, it may be the secret itself."""

from typing import Final

LONGEST: Final = 4096  # PATH_MAX
UNSHOWN: Final = "the file it names"


def safe_path(path: str) -> str:
    """The path if it looks like one, otherwise UNSHOWN. Base64 contains slashes, and PEM contains line breaks."""
    looks_like_one = path.startswith(("/", "./")) and len(path) <= LONGEST and path.isprintable()
    return path if looks_like_one else UNSHOWN
