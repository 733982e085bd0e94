"""Hosts in settings: where to listen, and which Host headers to answer."""

import ipaddress
import re
from typing import Final

LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME: Final = re.compile(rf"({LABEL}\.)*(?![0-9]+$){LABEL}")  # a last label of digits is a mistyped IP address
BIND_ADDRESS: Final = "an IPv4 address, an IPv6 address without brackets, or a host name; the port has its own variable"
ALLOWED_HOST: Final = (
    "a comma-separated list of host names without scheme, port and path; .example.com for example.com and its "
    "subdomains, [::1] for an IPv6 address, or *"
)


def bind_address(raw: str) -> str:
    """An address or a name that a server can bind to. Raises ValueError; its message says what is accepted."""
    if raw.endswith(".") or not is_host(raw):
        raise ValueError(BIND_ADDRESS)
    return raw


def is_host(text: str) -> bool:
    """True for an IP address, and for a well-formed host name, which may end with a dot."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        name = text.removesuffix(".")
        return len(name) <= 253 and NAME.fullmatch(name) is not None
    return True


def local_address(bound: str) -> str:
    """A local address that reaches a server bound to `bound`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104  (nothing is bound here)


def allowed_hosts(raw: str) -> list[str]:
    """The entries of a comma-separated list. Raises ValueError; its message says what is accepted.

    A list without entries is refused, and so is an entry that can match no Host header.
    """
    entries = [entry.strip() for entry in raw.split(",") if entry.strip()]
    if not entries or not all(map(_can_match, entries)):
        raise ValueError(ALLOWED_HOST)
    return entries


def _can_match(entry: str) -> bool:
    """True if a Host header can match this entry. Django compares the header without its port."""
    from django.http.request import split_domain_port  # noqa: PLC0415  (slow to import; the health check does not need it)

    host = entry.removeprefix(".").lower()
    return entry == "*" or (bool(host) and split_domain_port(host) == (host, ""))
