"""Makes a URL or an address safe to display."""

import re


def without_credentials(seen: str) -> str:
    """The URL or address without user and password; if it contains //, also without its query. All may be secret."""
    address = re.sub(r"(?<=.)\?.*", "?…", seen, flags=re.DOTALL) if "//" in seen else seen
    before, at, host = address.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}…@{host}" if slashes else f"…@{host}" if at else address
