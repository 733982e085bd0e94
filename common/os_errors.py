"""The text of operating-system errors for messages."""

import os
import re
import socket
import ssl


def reason(error: OSError) -> str:
    """The system's message, such as "Permission denied", without the path; if there is none, the error's class."""
    return error.strerror or type(error).__name__


def network_reason(error: OSError) -> str:
    """The system's message for a failed connection. It leaves out asyncio's text, which contains the address.

    If asyncio tried several addresses, the errors are only in its text. Each different message is then returned once.
    """
    if isinstance(error, ssl.SSLError):
        return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or "TLS failed")
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    if several := re.findall(r"\[Errno (\d+)\] Connect call failed", str(error)):
        return ", ".join(dict.fromkeys(os.strerror(int(number)) for number in several))
    return error.strerror or str(error) or type(error).__name__
