"""Ports, certificates and Redis addresses that pass `centrifugo checkconfig`, but make Centrifugo exit at startup."""

import re
from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, words

Refusal = tuple[str, str]  # the path and the problem
# The option of each port, and the option that turns its server on; "" for a server that is always on.
PORTS: Final = {
    6: {
        "http_server.port": "",
        "http_server.internal_port": "",
        "grpc_api.port": "grpc_api.enabled",
        "uni_grpc.port": "uni_grpc.enabled",
    },
    5: {"port": "", "internal_port": "", "grpc_api_port": "grpc_api", "uni_grpc_port": "uni_grpc"},
}
SERVICE_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # a name in /etc/services, such as http-alt
NUMBER: Final = re.compile(r"[0-9]+")
# The option that turns TLS on, the option that makes certificate files unnecessary, and two groups of options. The
# first group is for the certificate, and the second for its key: TLS needs one option of each group.
CERTIFICATES: Final = {
    6: (
        "http_server.tls.enabled",
        "http_server.tls_autocert.enabled",
        (("http_server.tls.cert_pem",), ("http_server.tls.key_pem",)),
    ),
    5: ("tls", "tls_autocert", (("tls_cert", "tls_cert_pem"), ("tls_key", "tls_key_pem"))),
}
REDIS: Final = {6: ("engine.type", "engine.redis.address"), 5: ("engine", "redis_address")}
HOST_PORT: Final = re.compile(r"(?:[^:/\[\]]*|\[[^]]+\]):(?P<port>[0-9]+)")


def server_refusals(configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    yield from _ports(configuration)
    yield from _certificates(configuration)
    yield from _redis(configuration)


def _ports(configuration: Configuration) -> Iterator[Refusal]:
    for path, switch in PORTS[configuration.major].items():
        value = configuration.option(path).value
        if (not switch or configuration.is_on(switch)) and not _is_port(value):
            yield path, "Centrifugo cannot listen on this port: a port is a number up to 65535"


def _is_port(value: Any) -> bool:
    """False if Centrifugo cannot listen on this port. True if the value is neither text nor a whole number."""
    if isinstance(value, FromSecret) or not isinstance(value, str | int) or value == "":
        return True
    text = str(value).strip()
    return int(text) <= 65535 if NUMBER.fullmatch(text) else bool(SERVICE_NAME.fullmatch(text)) or "${" in text


def _certificates(configuration: Configuration) -> Iterator[Refusal]:
    switch, instead, needed = CERTIFICATES[configuration.major]
    if not configuration.is_on(switch) or configuration.is_on(instead):
        return
    for names in needed:
        if not any(configuration.option(name).value for name in names):
            yield names[0], f"{switch} needs a certificate and its key"


def _redis(configuration: Configuration) -> Iterator[Refusal]:
    major = configuration.major
    engine, path = REDIS[major]
    value = configuration.option(path).value
    if configuration.text(engine) != "redis" or isinstance(value, FromSecret):
        return
    addresses = words(value.replace(",", " ") if major == 5 and isinstance(value, str) else value, major)
    if not all(map(_is_redis_address, addresses)):
        yield path, "a Redis address must be host:port or a URL such as redis://host:6379"


def _is_redis_address(text: str) -> bool:
    scheme, separator, _ = text.partition("://")
    if separator:
        return scheme not in ("http", "https")
    found = HOST_PORT.fullmatch(text)
    return "${" in text or (found is not None and int(found["port"]) <= 65535)
