"""System checks of the SPIFFE settings. Ids are never reused."""

import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from centrifugo_proxy.peers.spiffe.ids import has_ip_addresses
from common.safe_path import safe_path

SPIFFE_VARIABLES: Final = (
    "IDENTITY_SPIFFE_ID",
    "FAMILY_SERVICE_SPIFFE_ID",
    "RPC_BACKENDS_SPIFFE_IDS",
    "SPIFFE_ID",
)


@register("centrifugo_proxy")
def check_spiffe(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Checks that with SPIFFE every peer has an ID, and that without SPIFFE no ID is set."""
    if settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE != "spiffe":
        present = [name for name in SPIFFE_VARIABLES if getattr(settings, name)]
        return [spiffe_without_spiffe(present, settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE)] if present else []
    return [*_missing(), *_sockets_of_peers(), *_socket()]


def _missing() -> Iterator[CheckMessage]:
    for name in ("SPIFFE_ENDPOINT_SOCKET", "IDENTITY_SPIFFE_ID"):
        if not getattr(settings, name):
            yield missing_variable(name, "IDENTITY_VALIDATE_NEGOTIATION_TYPE is spiffe")
    if settings.FAMILY_SERVICE_GRPC_ADDRESS and not settings.FAMILY_SERVICE_SPIFFE_ID:
        yield missing_variable("FAMILY_SERVICE_SPIFFE_ID", "FAMILY_SERVICE_GRPC_ADDRESS is set")
    if settings.RPC_BACKENDS.keys() != settings.RPC_BACKENDS_SPIFFE_IDS.keys():
        yield different_backends(settings.RPC_BACKENDS, settings.RPC_BACKENDS_SPIFFE_IDS)


def _sockets_of_peers() -> Iterator[CheckMessage]:
    targets = {
        "IDENTITY_VALIDATE_GRPC_ADDRESS": [settings.IDENTITY_VALIDATE_GRPC_ADDRESS],
        "FAMILY_SERVICE_GRPC_ADDRESS": [settings.FAMILY_SERVICE_GRPC_ADDRESS],
        "RPC_BACKENDS": settings.RPC_BACKENDS.values(),
    }
    for name, values in targets.items():
        for target in values:
            if not has_ip_addresses(target):
                yield target_without_ip(name, target)


def _socket() -> Iterator[CheckMessage]:
    path = settings.SPIFFE_ENDPOINT_SOCKET.removeprefix("unix://")
    if path == settings.SPIFFE_ENDPOINT_SOCKET:
        return
    try:
        is_socket = stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        is_socket = False
    if not is_socket:
        yield no_socket(path)


def missing_variable(name: str, why: str) -> Error:
    return Error(
        f"{name} is not set, but {why}.",
        hint=f"Set {name}. docs/workload-identity.md has an example.",
        id="centrifugo_proxy.E009",
    )


def different_backends(backends: Iterable[str], ids: Iterable[str]) -> Error:
    return Error(
        f"RPC_BACKENDS has the backends: {_names(backends)}. RPC_BACKENDS_SPIFFE_IDS has: {_names(ids)}.",
        hint="Give each backend of RPC_BACKENDS exactly one ID in RPC_BACKENDS_SPIFFE_IDS.",
        id="centrifugo_proxy.E010",
    )


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def spiffe_without_spiffe(names: Sequence[str], negotiation_type: str) -> Error:
    verb = "is" if len(names) == 1 else "are"
    return Error(
        f"{', '.join(names)} {verb} set, but IDENTITY_VALIDATE_NEGOTIATION_TYPE is {negotiation_type}, which does "
        "not check SPIFFE IDs.",
        hint=f"Set IDENTITY_VALIDATE_NEGOTIATION_TYPE=spiffe, or unset {', '.join(names)}.",
        id="centrifugo_proxy.E011",
    )


def target_without_ip(name: str, target: str) -> Error:
    return Error(
        f"{name} contains the target {target}. SPIFFE cannot be used for it, because it has no IP address.",
        hint=f"Write the target in {name} as host:port, dns:///host:port, ipv4:… or ipv6:….",
        id="centrifugo_proxy.E012",
    )


def no_socket(path: str) -> Warning:
    return Warning(
        f"SPIFFE_ENDPOINT_SOCKET: {safe_path(path)} is not a socket yet.",
        hint="Start the SPIFFE agent on this node, and mount the directory of its socket. The service keeps trying to "
        "connect. With SPIFFE_STARTUP=require, it exits if no SVID arrives within SPIFFE_STARTUP_WAIT_S.",
        id="centrifugo_proxy.W006",
    )
