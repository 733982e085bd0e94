"""The TLS material of a channel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for a TLS channel, each "" when not given; `server_name` overrides the target's."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""
