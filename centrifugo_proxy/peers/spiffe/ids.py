"""SPIFFE IDs. https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md

The message of each ValueError says what is accepted.
"""

import ipaddress
import re
from typing import Final

from common.grpc_targets import NAME_SCHEMES

LONGEST: Final = 2048
TRUST_DOMAIN: Final = r"[a-z0-9._-]{1,255}"
SEGMENT: Final = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
WORKLOAD_ID: Final = re.compile(rf"spiffe://{TRUST_DOMAIN}(/{SEGMENT})+")


def is_workload_id(text: str) -> bool:
    """True if this is the ID of a workload: a trust domain and a path."""
    return len(text) <= LONGEST and WORKLOAD_ID.fullmatch(text) is not None


def trust_domain(spiffe_id: str) -> str:
    """The trust domain's own ID, such as spiffe://example.org."""
    return "/".join(spiffe_id.split("/")[:3])


def workload_ids(raw: str) -> tuple[str, ...]:
    """A comma-separated list of at most eight IDs in one trust domain. Raises ValueError."""
    found = tuple(filter(None, map(str.strip, raw.split(","))))
    if len(found) > 8 or not all(map(is_workload_id, found)) or len(set(map(trust_domain, found))) > 1:
        raise ValueError(
            "a comma-separated list of up to eight IDs such as spiffe://example.org/identity, in one trust domain"
        )
    return found


def named_ids(raw: str) -> dict[str, str]:
    """A comma-separated list of name=ID. Raises ValueError."""
    pairs = [pair.strip().partition("=") for pair in raw.split(",") if pair.strip()]
    named = {name: spiffe_id for name, _, spiffe_id in pairs if name and is_workload_id(spiffe_id)}
    if len(named) < len(pairs):
        raise ValueError("a comma-separated list of name=ID, each name once, such as diary=spiffe://example.org/diary")
    return named


def workload_id_or_unset(raw: str) -> str:
    """An ID, or empty. Raises ValueError."""
    if raw and not is_workload_id(raw):
        raise ValueError("an ID such as spiffe://example.org/realtime, or empty")
    return raw


def endpoint_socket(raw: str) -> str:
    """The address of the Workload API in the standard's form, or empty. Raises ValueError.

    https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md#4-locating-the-endpoint
    """
    if raw and not re.fullmatch(r"unix:///[^?#\s]+", raw) and not _is_tcp_endpoint(raw):
        raise ValueError("unix:///path/of/socket, tcp://IP:port, or empty")
    return raw


def _is_tcp_endpoint(raw: str) -> bool:
    """True for tcp://IP:port with a valid address and a valid port. An IPv6 address must be in brackets."""
    found = re.fullmatch(r"tcp://(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\]):([0-9]{1,5})", raw)
    if found is None or not 1 <= int(found[3]) <= 65535:
        return False
    try:
        return ipaddress.ip_address(found[1] or found[2]).version == (4 if found[1] else 6)
    except ValueError:
        return False


def has_ip_addresses(target: str) -> bool:
    """True if gRPC connects to the target by IP address. Other connections would bypass the tunnel, in plaintext."""
    return target.partition(":")[0] not in NAME_SCHEMES


def grpc_target(socket: str) -> str:
    """The address in gRPC's notation."""
    if socket.startswith("unix://"):
        return "unix:" + socket.removeprefix("unix://")
    address = socket.removeprefix("tcp://")
    return ("ipv6:" if address.startswith("[") else "ipv4:") + address
