"""Variables that are not settings of this service: misspelt names, and variables of libraries."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from typing import Final

PREFIXES: Final = (
    "BRIDGE_",
    "CENTRIFUGO_",
    "CHANNEL_",
    "FALLBACK_",
    "FAMILY_",
    "IDENTITY_",
    "LISTEN_",
    "PROXY_",
    "RPC_",
    "SPIFFE_",
)
OF_THE_MAKEFILE: Final = frozenset({"CENTRIFUGO_BIN"})
SHORTEST: Final = 8  # a shorter name without one of PREFIXES is never taken for a misspelt setting
SERVICE_LINK: Final = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_.+)?)?)")

LIMIT_UNUSED: Final = "the service's spans have few and short attributes"

# Variables that would change the service's output or behaviour, or prevent its start. Each name maps to the reason why
# the service ignores the variable.
LIBRARY_VARIABLES: Final = {
    "PROMETHEUS_MULTIPROC_DIR": "/metrics shows only the process that answers",
    "prometheus_multiproc_dir": "/metrics shows only the process that answers",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "the fast implementation is always used",
    "OTEL_PROPAGATORS": "the service reads only the headers of W3C Trace Context",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": LIMIT_UNUSED,
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": LIMIT_UNUSED,
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": LIMIT_UNUSED,
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": LIMIT_UNUSED,
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": LIMIT_UNUSED,
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": LIMIT_UNUSED,
    "OTEL_SPAN_EVENT_COUNT_LIMIT": LIMIT_UNUSED,
    "OTEL_SPAN_LINK_COUNT_LIMIT": LIMIT_UNUSED,
}


def take_out_library_variables(environ: MutableMapping[str, str]) -> dict[str, str]:
    """Remove the variables of LIBRARY_VARIABLES from `environ`. Returns the removed names with their reasons.

    Call this before the libraries are imported. Platforms set OTEL_PROPAGATORS for all workloads. If its value includes
    W3C Trace Context, the variable is removed, but not returned.
    """
    taken_out = {name: environ.pop(name) for name in LIBRARY_VARIABLES if name in environ}
    if "tracecontext" in taken_out.get("OTEL_PROPAGATORS", ""):
        del taken_out["OTEL_PROPAGATORS"]
    return {name: LIBRARY_VARIABLES[name] for name in taken_out}


def misspelt(environ: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Unknown names that were probably meant for this service, each with the nearest known name or "".

    Such a name begins with one of PREFIXES, or is similar to one of `known`. The variables that Kubernetes sets for a
    Service called `identity` or `centrifugo` also begin with such a prefix, and are left out.
    """
    linked = frozenset(_service_links(environ))
    names = [name for name in environ if name not in known and name not in linked | OF_THE_MAKEFILE]
    nearest = {name: _nearest(name, known) for name in names}
    return {name: near for name, near in nearest.items() if near or name.startswith(PREFIXES)}


def _nearest(name: str, known: Collection[str]) -> str:
    written = re.sub(r"[-.]", "_", name).upper()
    ours = written.startswith(PREFIXES)
    if not ours and len(written) < SHORTEST:
        return ""
    if prefixed := next((each for each in known if _is_prefixed(written, each)), ""):
        return prefixed
    cutoff = 0.75 if ours else 0.94 if written.startswith("OTEL_") else 0.88
    return next(iter(difflib.get_close_matches(written, known, n=1, cutoff=cutoff)), "")


def _is_prefixed(written: str, known: str) -> bool:
    """True for a setting of at least three words with an additional prefix: REALTIME_FALLBACK_TICKETS_PATH."""
    return known.startswith(PREFIXES) and known.count("_") >= 2 and written.endswith(f"_{known}")


def _service_links(environ: Mapping[str, str]) -> Iterator[str]:
    """Names such as IDENTITY_SERVICE_HOST and IDENTITY_PORT_50051_TCP_ADDR, if the Service's host and port are set."""
    for host in [name for name in environ if name.endswith("_SERVICE_HOST")]:
        service = host.removesuffix("_SERVICE_HOST")
        if f"{service}_SERVICE_PORT" in environ:
            yield from (name for name in environ if _is_link(name, service))


def _is_link(name: str, service: str) -> bool:
    return name.startswith(service) and SERVICE_LINK.fullmatch(name, len(service)) is not None
