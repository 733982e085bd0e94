"""gRPC targets, and addresses with a port: https://github.com/grpc/grpc/blob/master/doc/naming.md"""

import ipaddress
import re
from typing import Final

from common.grpc_targets import NAME_SCHEMES
from realtime_site.variables.hosts import is_host

HOST_PORT: Final = re.compile(r"(\[[^\s/\[\]]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
# dns:host:port, dns:/host:port, dns:///host:port, or dns://server:port/host:port with a name server
DNS: Final = re.compile(r"(?://([^/]*)/|/)?([^/]+)")
SOCKET_PATH_BYTES: Final = 107  # without the NUL byte: https://man7.org/linux/man-pages/man7/unix.7.html


def grpc_target(raw: str) -> str:
    """A target that gRPC can resolve. Raises ValueError; its message says what is accepted."""
    scheme, _, rest = raw.partition(":")
    if scheme in NAME_SCHEMES:
        usable = _is_name(scheme, rest)
    elif scheme in ("ipv4", "ipv6"):  # gRPC looks up no names here
        usable = all(_is_address_port(address, int(scheme[-1])) for address in rest.split(","))
    else:
        usable = _is_dns(rest) if scheme == "dns" else is_host_port(raw)
    if usable:
        return raw
    raise ValueError("a gRPC target: host:port, or dns:///host:port, ipv4:…, ipv6:…, unix:… (no http://)")


def is_host_port(address: str) -> bool:
    """True for a name or an IPv4 address with a port, and for an IPv6 address in brackets with a port."""
    match = HOST_PORT.fullmatch(address)
    if match is None or not 1 <= int(match[2]) <= 65535:
        return False
    if match[1].startswith("["):
        return _is_address(match[1][1:-1], 6)
    return is_host(match[1])


def _is_name(scheme: str, name: str) -> bool:
    """True for text without white space after the scheme. For a socket, it must be a short path without a host."""
    if not name or re.search(r"\s", name):
        return False
    if scheme == "xds":
        return True
    path = name.removeprefix("//") if scheme == "unix" and name.startswith("///") else name
    return not path.startswith("//") and len(path.encode()) <= SOCKET_PATH_BYTES


def _is_dns(rest: str) -> bool:
    match = DNS.fullmatch(rest)
    if match is None or not is_host_port(match[2]):
        return False
    server = match[1] or ""
    return not server or _is_address_port(server, 4) or _is_address_port(server, 6)


def _is_address_port(text: str, version: int) -> bool:
    return is_host_port(text) and _is_address(text.rpartition(":")[0].strip("[]"), version)


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
