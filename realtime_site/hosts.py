"""Hosts in settings: where to listen, and which Host headers to answer."""

import ipaddress
import re
from typing import Final

LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME: Final = re.compile(rf"({LABEL}\.)*(?![0-9]+$){LABEL}")  # a last label of digits means a mistyped address
BIND_ADDRESS: Final = "an IPv4 or IPv6 address or a host name; no port (LISTEN_PORT has it), no brackets"
ALLOWED_HOST: Final = (
    "a comma list of host names without scheme, port and path, .example.com for example.com and its subdomains, "
    "[::1] for an IPv6 address, or *"
)


def bind_address(raw: str) -> str:
    """An address or a name that a server can bind to. Raises ValueError with what is accepted."""
    try:
        ipaddress.ip_address(raw)
    except ValueError:
        if len(raw) > 253 or not NAME.fullmatch(raw):
            raise ValueError(BIND_ADDRESS) from None
    return raw


def local_address(bound: str) -> str:
    """A local address that reaches a server bound to `bound`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104  (nothing is bound here)


def allowed_hosts(raw: str) -> list[str]:
    """The entries of a comma list. Raises ValueError with what is accepted if no Host header can match an entry."""
    entries = [entry.strip() for entry in raw.split(",") if entry.strip()]
    if not entries or not all(map(_can_match, entries)):
        raise ValueError(ALLOWED_HOST)
    return entries


def _can_match(entry: str) -> bool:
    """Django compares an entry with the host part of the header, so an entry must be equal to its own host part."""
    from django.http.request import split_domain_port  # noqa: PLC0415  (slow to import, and not for the health check)

    host = entry.removeprefix(".").lower()
    return entry == "*" or (bool(host) and split_domain_port(host) == (host, ""))
