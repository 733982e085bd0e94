"""Findings about interfaces that strangers can reach, and about guessable secrets."""

import re
from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, is_true, table
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|\[::1\]")
DEBUG: Final = {6: "debug.enabled", 5: "debug"}
PORTS: Final = {
    6: ("http_server.port", "http_server.internal_port", "http_server.internal_address"),
    5: ("port", "internal_port", "internal_address"),
}
SECRETS: Final = {
    6: {
        "http_api.key": "http_api.disabled",
        "grpc_api.key": "",
        "admin.password": "",
        "admin.secret": "",
    },
    5: {
        "api_key": "api_disable",
        "grpc_api_key": "",
        "admin_password": "",
        "admin_secret": "",
    },
}
SHORTEST_SECRET: Final = 16
PLACEHOLDER: Final = re.compile(
    r"<.*>|.*(change.?me|your[-_ ]|example|placeholder|replace|password|passw0rd).*|(?P<one>.)(?P=one)*"
    r"|(my[-_ ]?)?(api|admin|hmac)?[-_ ]?(key|secret)[-_ \d]*|(0?123456789?0?)+",
    re.IGNORECASE,
)
OPENS: Final = {
    "key": "call Centrifugo's API, for example to publish to any channel, read its history, or disconnect any user",
    "password": "log in to the admin interface, and call the API from there",
    "secret": "create an admin session without the password, and call the API in that session",
}
REFERENCE: Final = re.compile(r"\$\{[^}]*\}")
LOG_LEVEL: Final = {6: "log.level", 5: "log_level"}
USER_ID_HEADER: Final = {6: "client.user_id_http_header", 5: "client_user_id_http_header"}
# Prefixes of the TLS options of Centrifugo's own servers. A server verifies no other server, so insecure_skip_verify
# has no effect in these options.
OF_SERVERS: Final = ("http_server.", "grpc_api", "uni_grpc", "tls_")


@RULES.rule("api-without-key", Severity.ERROR)
def api_without_key(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    six = configuration.major == 6
    switch, key, address = (
        ("grpc_api.enabled", "grpc_api.key", "grpc_api.address")
        if six
        else ("grpc_api", "grpc_api_key", "grpc_api_address")
    )
    on, closed = configuration.is_on(switch), configuration.option(key).value
    if on and not closed and not _is_mutual(configuration) and not LOOPBACK.fullmatch(configuration.text(address)):
        yield Problem(
            key,
            "The gRPC API has no key, so it is open to every client that reaches its port. Such a client can publish "
            "to any channel, read its history, and disconnect or subscribe any user.",
            f"Set {key}, or set {address} to a loopback address.",
        )


def _is_mutual(configuration: Configuration) -> bool:
    """True if the gRPC API requires a client certificate."""
    if configuration.major == 6:
        return configuration.is_on("grpc_api.tls.enabled") and bool(configuration.text("grpc_api.tls.client_ca_pem"))
    files = (configuration.text(f"grpc_api_tls_client_ca{suffix}") for suffix in ("", "_pem"))
    return configuration.is_on("grpc_api_tls") and any(files)


@RULES.rule("debug-endpoints", Severity.ERROR)
def debug_endpoints(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    if configuration.is_on(DEBUG[configuration.major]) and _on_the_port_of_clients(configuration):
        yield Problem(
            DEBUG[configuration.major],
            "Every client can reach the profiler (/debug/pprof). It shows Centrifugo's memory and command line. A "
            "client can also run profiles for as long as it wants, and they take CPU time from all users.",
            f"Set it to false, or give internal endpoints a port of their own ({PORTS[configuration.major][1]}).",
        )


def _on_the_port_of_clients(configuration: Configuration) -> bool:
    port, internal, address = (configuration.text(path) for path in PORTS[configuration.major])
    return internal in ("", port or "8000") and not LOOPBACK.fullmatch(address)


@RULES.rule("weak-secret", Severity.WARNING)
def weak_secret(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path, switch in SECRETS[configuration.major].items():
        value = configuration.option(path).value
        if (switch and configuration.is_on(switch)) or not _is_weak(value):
            continue
        kind = next(kind for kind in OPENS if path.endswith(kind))
        yield Problem(
            path,
            f"If the interface is on, an attacker who guesses this value can {OPENS[kind]}. The value is short, or a "
            "common placeholder.",
            "Use 32 random characters or more, for example from openssl rand -hex 32.",
        )


def _is_weak(value: Any) -> bool:
    if value in (None, "") or isinstance(value, FromSecret | dict | list):
        return False
    text = str(value)
    return not REFERENCE.search(text) and (len(text) < SHORTEST_SECRET or bool(PLACEHOLDER.fullmatch(text)))


@RULES.rule("tls-unverified", Severity.ERROR)
def tls_unverified(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if proxy.tls_unverified and proxy.tls_unverified.value:
            yield Problem(
                proxy.tls_unverified.path,
                "Centrifugo does not check the certificate of the endpoint. It sends tickets and the guard's token to "
                "any server that answers at this address.",
                "Set it to false, and set server_ca_pem to the certificate of the CA.",
            )


@RULES.rule("tls-unverified-elsewhere", Severity.WARNING)
def tls_unverified_elsewhere(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    reported = {proxy.tls_unverified.path for proxy in ours(configuration, facts) if proxy.tls_unverified}
    for setting in configuration.settings:
        table_path, _, name = setting.path.rpartition(".")
        if not name.endswith("insecure_skip_verify") or not is_true(setting.value) or setting.path in reported:
            continue
        if setting.path.startswith(OF_SERVERS) or not _is_used(configuration, table_path, name):
            continue
        yield Problem(
            setting.path,
            "Centrifugo does not verify the certificate of this server. An attacker on the network between Centrifugo "
            "and the server can read and change messages, channels and credentials.",
            "Set it to false, and configure the certificate of the CA.",
        )


def _is_used(configuration: Configuration, path: str, name: str) -> bool:
    """True if TLS is on where this option applies. In v5, `redis_tls_insecure_skip_verify` applies to `redis_tls`."""
    if name != "insecure_skip_verify":
        return configuration.major == 5 and configuration.is_on(name.removesuffix("_insecure_skip_verify"))
    siblings = {setting.path: setting.value for setting in configuration.settings}
    return is_true(siblings.get(f"{path}.enabled")) or is_true(table(siblings.get(path)).get("enabled"))


@RULES.rule("user-id-header", Severity.WARNING)
def user_id_header(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    path = USER_ID_HEADER[configuration.major]
    if configuration.option(path).value:
        yield Problem(
            path,
            "Centrifugo takes the user's id from this header of a client's request. If the connect proxy is off, a "
            "client without a ticket can connect as any user.",
            "Remove it: this service decides who the user is.",
        )


@RULES.rule("log-with-tickets", Severity.WARNING)
def log_with_tickets(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    path = LOG_LEVEL[configuration.major]
    if configuration.text(path).lower() == "trace":
        yield Problem(
            path,
            "At this level Centrifugo logs every command of every client, with its tickets and messages. Anyone who "
            "can read the log sees what users write. They can also connect with a ticket that is not yet spent, such "
            "as a fallback ticket that was refused.",
            "Use debug or info.",
        )
