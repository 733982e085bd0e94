"""gRPC targets, and addresses with a port: https://github.com/grpc/grpc/blob/master/doc/naming.md"""

import ipaddress
import re
from typing import Final

from common.grpc_targets import NAME_SCHEMES
from realtime_site.variables.hosts import is_host

HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


def grpc_target(raw: str) -> str:
    """A target that gRPC can resolve. Raises ValueError with what is accepted."""
    scheme, _, rest = raw.partition(":")
    if scheme in NAME_SCHEMES and rest and not re.search(r"\s", rest):
        return raw
    if scheme in ("ipv4", "ipv6"):  # gRPC looks up no names here
        usable = all(_is_address_port(address, int(scheme[-1])) for address in rest.split(","))
    else:
        usable = is_host_port(rest.rpartition("/")[2] if scheme == "dns" else raw)
    if usable:
        return raw
    raise ValueError("a gRPC target: host:port, or dns:///host:port, ipv4:…, ipv6:…, unix:… (no http://)")


def is_host_port(address: str) -> bool:
    """True for a name or an IPv4 address with a port, and for an IPv6 address in brackets with one."""
    match = HOST_PORT.fullmatch(address)
    if match is None or not 1 <= int(match[2]) <= 65535:
        return False
    return match[1].startswith("[") or is_host(match[1])


def _is_address_port(text: str, version: int) -> bool:
    host, _, _ = text.rpartition(":")
    try:
        return is_host_port(text) and ipaddress.ip_address(host.strip("[]")).version == version
    except ValueError:
        return False
