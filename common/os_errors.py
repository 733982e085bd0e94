"""The text of operating-system errors for messages."""

import os
import re
import socket
import ssl


def reason(error: OSError) -> str:
    """The system's message, such as "Permission denied", without the path. Without a message, the error's name."""
    return error.strerror or type(error).__name__


def network_reason(error: OSError) -> str:
    """The system's message for a failed connection, without asyncio's text, which repeats the address.

    If asyncio tried several addresses, their errors are only in its text. Each message is then given once.
    """
    if isinstance(error, ssl.SSLError):
        return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or "TLS failed")
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    if several := re.findall(r"\[Errno (\d+)\] Connect call failed", str(error)):
        return ", ".join(dict.fromkeys(os.strerror(int(number)) for number in several))
    return error.strerror or str(error) or type(error).__name__
