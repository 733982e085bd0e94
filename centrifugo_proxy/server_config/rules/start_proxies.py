"""Proxy options that Centrifugo's own validation refuses."""

from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, table, tables

Refusal = tuple[str, str]  # the path and the problem
REASON_BYTES: Final = 123  # the longest reason that fits into a WebSocket close frame


def proxy_refusals(configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    if configuration.major == 6:
        yield from _absent_proxies(configuration)
    for proxy in configuration.proxies:
        if not proxy.endpoint.value and proxy.users and not proxy.named:
            yield proxy.endpoint.path, "the proxy needs an endpoint"
    for index, named in enumerate(named_proxies(configuration)):
        if not named.get("endpoint"):
            yield f"proxies[{index}].endpoint", "each entry of proxies needs an endpoint"
        if configuration.major == 6 and named.get("name") == "default":
            yield f"proxies[{index}].name", "the name default is reserved"
    yield from _broken_transforms(configuration)


def named_proxies(configuration: Configuration) -> list[dict[str, Any]]:
    """The entries of `proxies`. Empty if Centrifugo does not read that list: v5 without granular_proxy_mode."""
    return tables(configuration.lists.get("proxies")) if configuration.chooses_proxies() else []


def _absent_proxies(configuration: Configuration) -> Iterator[Refusal]:
    """Unnamed proxies that a namespace uses and that have no endpoint. `start_channels.py` checks the named proxies."""
    for namespace in configuration.namespaces:
        for event in sorted(namespace.proxied):
            by_name = namespace.options.get(f"{event}_proxy_name", "default") not in ("", "default")
            used = any(proxy.event == event and namespace.name in proxy.users for proxy in configuration.proxies)
            if not used and not by_name:
                yield f"channel.proxy.{event}.endpoint", f"a namespace uses the {event} proxy, which has no endpoint"


def _broken_transforms(configuration: Configuration) -> Iterator[Refusal]:
    for path, transforms in _transforms(configuration):
        for index, transform in enumerate(tables(transforms)):
            yield from _transform(f"{path}[{index}]", transform)


def _transforms(configuration: Configuration) -> Iterator[tuple[str, Any]]:
    for index, named in enumerate(named_proxies(configuration)):
        if configuration.major == 5:
            yield f"proxies[{index}].http_status_to_code_transforms", named.get("http_status_to_code_transforms")
        else:
            path = f"proxies[{index}].http.status_to_code_transforms"
            yield path, table(named.get("http")).get("status_to_code_transforms")
    if configuration.major == 5:
        flat = "proxy_http_status_code_transforms"
        yield flat, None if configuration.chooses_proxies() else configuration.lists.get(flat)
        return
    for proxy in configuration.proxies:
        if proxy.users and not proxy.named:
            yield proxy.transforms.path, proxy.raw_transforms


def _transform(path: str, transform: dict[str, Any]) -> Iterator[Refusal]:
    error, disconnect = table(transform.get("to_error")), table(transform.get("to_disconnect"))
    codes = [bool(form.get("code")) for form in (error, disconnect)]
    if not transform.get("status_code"):
        yield path, "a transform needs status_code"
    elif codes == [False, False]:
        yield path, "a transform needs to_disconnect or to_error with a code"
    elif codes == [True, True]:
        yield path, "a transform must not have both to_disconnect and to_error"
    for text in (str(error.get("message") or ""), str(disconnect.get("reason") or "")):
        if not text.isascii() or len(text) > REASON_BYTES:
            yield path, f"a reason or message must be ASCII and at most {REASON_BYTES} characters long"
