"""Starts the parts of the demonstration (`make run`) in order, and ends them in reverse order."""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.bridge import DemoBridge, running_bridge, why_no_bridge
from demo.centrifugo import Front, running_centrifugo
from demo.control import Levers
from demo.errors import DemoError
from demo.identity import LOOPBACK, MemoryIdentity, running_identity
from demo.private import write_private
from demo.process import ROOT, Part, child, require_free
from demo.web.opening import Place, running_page
from demo.web.origin_guard import origins
from tools.ports import free_ports

DEFAULT_PORT = 9730
DEADLINE_MS = 500
WINDOW_MS = 3000  # short, so that an outage begins quickly
PROBE_INTERVAL_MS = 250
POOL_TICKETS = 60  # enough if the page's button “Connect fifty” is pressed once, but too few if it is pressed twice
PASTED_TICKETS = 3  # the lines to paste contain this many tickets of the pool; the page uses these tickets last
LOW_WATERMARK = 20
FALLBACK_TTL_S = 60  # the shortest time that the service accepts
SUBSCRIPTION_TTL_S = 2
POLICY = ROOT / "demo" / "policy.toml"


@dataclass(frozen=True)
class Stage:
    """The running parts, and the values that are needed to use them. `centrifugo_url` is None without Centrifugo."""

    parts: list[Part]
    service_url: str
    second_url: str
    centrifugo_url: str | None
    page_url: str
    guard_token: str
    identity: MemoryIdentity
    pool_path: Path
    pool_tickets: list[str]
    bridge: DemoBridge


@asynccontextmanager
async def running_stage(
    port: int, centrifugo: Path | None, announce: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Stage]:
    """Run the service on `port`, with its own identity service and pool. Also run the binary `centrifugo`, if given.

    `announce` is called with the URL of the page as soon as the page can be opened. Raises DemoError.
    """
    require_free(port)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="realtime-demo-")))
        pool_path, pool_tickets = folder / "fallback.tickets", mint_pool()
        write_private(pool_path, "\n".join(pool_tickets) + "\n")
        guard_token = secrets.token_hex(4)
        identity = await stack.enter_async_context(running_identity())
        page_port, centrifugo_port, second_port = free_ports(3)
        place = Place(
            page_port=page_port,
            service_url=f"http://{LOOPBACK}:{port}",
            centrifugo_port=centrifugo_port if centrifugo else None,
            guard_token=guard_token,
            spare_tickets=pool_tickets,
            window_s=WINDOW_MS / 1000,
        )
        levers: Levers = {}
        page_url = await stack.enter_async_context(running_page(identity, place, levers))
        announce(page_url)
        environment = {**os.environ, **service_environment(port, identity.address, guard_token, pool_path)}
        command = [sys.executable, "manage.py", "serve"]
        parts: list[Part] = [await stack.enter_async_context(child("The service", command, environment, port))]
        elsewhere = {**environment, "LISTEN_PORT": str(second_port)}
        second = child("The second service", command, elsewhere, second_port)
        parts.append(await stack.enter_async_context(second))
        api_key = secrets.token_hex(16)
        if centrifugo:
            front = Front(centrifugo_port, api_key, origins(page_port))
            parts.append(await stack.enter_async_context(running_centrifugo(centrifugo, folder, environment, front)))
        bridge = DemoBridge(why_not=why_no_bridge(centrifugo))
        if centrifugo and not bridge.why_not:
            api = f"http://{LOOPBACK}:{centrifugo_port}/api"
            bridge = await stack.enter_async_context(running_bridge(folder, api, api_key))
        parts.extend(bridge.parts)
        if bridge.write_event is not None:
            levers["POST /event"] = bridge.write_event
        yield Stage(
            parts=parts,
            service_url=place.service_url,
            second_url=f"http://{LOOPBACK}:{second_port}",
            centrifugo_url=place.centrifugo_url,
            page_url=page_url,
            guard_token=guard_token,
            identity=identity,
            pool_path=pool_path,
            pool_tickets=pool_tickets,
            bridge=bridge,
        )


def chosen_port() -> int:
    """The value of LISTEN_PORT, by default 9730. Raises DemoError."""
    raw = os.environ.get("LISTEN_PORT") or str(DEFAULT_PORT)
    if raw.isascii() and raw.isdigit() and 1 <= int(raw) <= 65535:
        return int(raw)
    raise DemoError(f"LISTEN_PORT is {raw!r}; accepted: 1–65535.")


def mint_pool() -> list[str]:
    return [secrets.token_urlsafe(12) for _ in range(POOL_TICKETS)]


def service_environment(port: int, identity_address: str, guard_token: str, pool_path: Path) -> dict[str, str]:
    """The settings that the printed commands need. The service also gets all other variables of the shell."""
    return {
        "DJANGO_SETTINGS_MODULE": "realtime_site.settings",
        "ALLOWED_HOSTS": "*",
        "LISTEN_HOST": LOOPBACK,
        "LISTEN_PORT": str(port),
        "IDENTITY_VALIDATE_GRPC_ADDRESS": identity_address,
        "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "plaintext",
        "IDENTITY_TLS_CA_FILE": "",
        "IDENTITY_TLS_CERT_FILE": "",
        "IDENTITY_TLS_KEY_FILE": "",
        "IDENTITY_TLS_SERVER_NAME": "",
        "IDENTITY_SPIFFE_ID": "",
        "SPIFFE_ID": "",
        "IDENTITY_VALIDATE_DEADLINE_MS": str(DEADLINE_MS),
        "IDENTITY_PROBE_INTERVAL_MS": str(PROBE_INTERVAL_MS),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "CENTRIFUGO_PROXY_SECRET": "",
        "CENTRIFUGO_PROXY_SECRET_FILE": "",
        "CENTRIFUGO_PROXY_TOKEN": guard_token,
        "CENTRIFUGO_PROXY_TOKEN_FILE": "",
        "FALLBACK_TICKETS_PATH": str(pool_path),
        "FALLBACK_DEGRADED_WINDOW_MS": str(WINDOW_MS),
        "FALLBACK_LOW_WATERMARK": str(LOW_WATERMARK),
        "FALLBACK_CONNECT_TTL_S": str(FALLBACK_TTL_S),
        "FALLBACK_CLAIMS_URL": (pool_path.parent / "claims").as_uri(),
        "FALLBACK_CLAIMS_URL_FILE": "",
        "FALLBACK_CLAIMS_DEADLINE_MS": "",
        "FALLBACK_CLAIMS_ON_ERROR": "",
        "CENTRIFUGO_RESPONSE_MODE": "http",
        "CENTRIFUGO_INVALID_TICKET_CODE": "",
        "CENTRIFUGO_UNAVAILABLE_CODE": "",
        "CENTRIFUGO_REFRESH": "auto",
        "CHANNEL_POLICY_PATH": str(POLICY),
        "CHANNEL_SUBSCRIPTION_TTL_S": str(SUBSCRIPTION_TTL_S),
        "FAMILY_SERVICE_GRPC_ADDRESS": "",
        "FAMILY_SERVICE_SPIFFE_ID": "",
        "RPC_BACKENDS": "",
        "RPC_BACKENDS_SPIFFE_IDS": "",
        "no_grpc_proxy": LOOPBACK,  # requests to loopback must not go to an HTTP proxy of the machine
    }
