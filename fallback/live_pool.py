"""Asks a live process for its health, over HTTP."""

import json
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

TIMEOUT_S: Final = 3.0
MAX_BYTES: Final = 65536


class NotAsked(Exception):
    """No health could be had. The message says what to do."""


class _NoRedirect(HTTPRedirectHandler):
    """The service never redirects: whoever does is somebody else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def health_url(url: str) -> str:
    """The address of /health at `url`, such as http://host:9730. Raises NotAsked for what is no such address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path.rstrip("/") not in ("", "/health") or parts.query or parts.fragment:
        raise NotAsked("--url is no address of the service; give one such as http://127.0.0.1:9730.")
    return f"{parts.scheme}://{parts.netloc}/health"


def ask(url: str, timeout_s: float = TIMEOUT_S) -> Any:
    """The parsed JSON at `url`, directly and not through a proxy. Raises NotAsked."""
    opener = build_opener(ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(url, timeout=timeout_s) as response:
            return json.loads(response.read(MAX_BYTES))
    except HTTPError as error:
        with error:
            raise NotAsked(_answered(url, error.code)) from None
    except ValueError:
        raise NotAsked(f"{url} did not answer in JSON; check that the host and port are this service's.") from None
    except (OSError, HTTPException) as error:
        raise NotAsked(_unreachable(url, error)) from None


def _answered(url: str, status: int) -> str:
    remedy = {
        400: "use a host name that its ALLOWED_HOSTS has",
        404: "check that the host and port are this service's",
    }.get(status, "check what stands between here and the process, or ask the pod itself")
    return f"{url} answered {status}; {remedy}."


def _unreachable(url: str, error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return (
        f"no answer from {url} ({said}); check that the process runs and that the port can be reached from here, "
        "for example with kubectl port-forward pod/NAME 9730."
    )
