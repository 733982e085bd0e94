"""Findings about options that prevent Centrifugo from starting.

`rules/layout.py` reports values of the wrong type or form, such as a duration without a unit.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, is_true, table, tables
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.start_channels import channel_refusals
from centrifugo_proxy.server_config.rules.start_paths import path_refusals
from centrifugo_proxy.server_config.rules.start_proxies import named_proxies, proxy_refusals
from centrifugo_proxy.server_config.rules.start_servers import server_refusals
from centrifugo_proxy.server_config.rules.start_tokens import token_refusals
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

Refusal = tuple[str, str]  # the path and the problem
NAME: Final = re.compile(r"[-a-zA-Z0-9_.]{2,}", re.ASCII)
CONSUMER_NAME: Final = re.compile(r"[a-zA-Z0-9_]{2,}", re.ASCII)
NAME_RULE: Final = "a name needs two or more ASCII letters, digits, hyphens, underscores or dots"
CONSUMER_NAME_RULE: Final = "a name needs two or more ASCII letters, digits or underscores"
# The consumers of v6. Each has the options that it needs if it is enabled.
REQUIRED: Final = {
    "postgresql": ("dsn", "outbox_table_name"),
    "kafka": ("brokers", "topics", "consumer_group"),
    "nats_jetstream": ("stream_name", "durable_consumer_name"),
    "redis_stream": ("streams", "consumer_group"),
    "google_pub_sub": ("project_id", "subscriptions"),
    "aws_sqs": ("queues",),
    "azure_service_bus": ("queues",),
}
CONSUMERS: Final = {6: tuple(REQUIRED), 5: ("postgresql", "kafka")}
# The accepted values of each option. If an option of v6 has a default, an empty value means the default.
CHOICES: Final = {
    6: {
        "engine.type": ("", "memory", "redis"),
        "broker.type": ("", "memory", "nats", "redis", "redisnats", "postgres"),
        "map_broker.type": ("", "memory", "redis", "postgres"),
        "presence_manager.type": ("", "memory", "redis"),
        "controller.type": ("postgres", "redis", "nats"),  # redis and nats only in PRO
        "http_api.error_mode": ("", "transport"),
        "grpc_api.error_mode": ("", "transport"),
        "channel.publication_data_format": ("", "json", "json_object", "binary"),
    },
    5: {
        "engine": ("memory", "redis", "tarantool", "redisnats"),
        "broker": ("", "nats"),
        "api_error_mode": ("", "transport"),
        "grpc_api_error_mode": ("", "transport"),
    },
}
# Options that Centrifugo reads only if another option is on. The value is the other option.
SWITCHES: Final = {
    "presence_manager.type": "presence_manager.enabled",
    "controller.type": "controller.enabled",
    "grpc_api.error_mode": "grpc_api.enabled",
    "grpc_api_error_mode": "grpc_api",
}
# Options that Centrifugo ignores if certain other options are all on. The value contains the other options.
UNREAD: Final = {
    "engine.type": ("broker.enabled", "presence_manager.enabled"),
    "http_api.error_mode": ("http_api.disabled",),
    "api_error_mode": ("api_disable",),
}
CODE_MAPS: Final = {
    "uni_sse.connect_code_to_http_response": "status_code",
    "uni_http_stream.connect_code_to_http_response": "status_code",
    "client.connect_code_to_unidirectional_disconnect": "code",
}
PING: Final = {6: ("client.ping_interval", "client.pong_timeout"), 5: ("ping_interval", "pong_timeout")}
NAMESPACES: Final = {
    6: ("channel.namespaces", "rpc.namespaces"),
    5: ("namespaces", "rpc_namespaces"),
}


@RULES.rule("start-refused", Severity.ERROR)
def start_refused(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for check in (*CHECKS, channel_refusals):
        for path, reason in check(configuration):
            yield Problem(
                path,
                f"Centrifugo does not start: {reason}. No client can connect.",
                "Correct the configuration. centrifugo checkconfig finds only some of these faults.",
            )


def _unknown_choices(configuration: Configuration) -> Iterator[Refusal]:
    for path, known in CHOICES[configuration.major].items():
        value = configuration.option(path).value
        given = isinstance(value, str) and not isinstance(value, FromSecret)
        if given and value not in known and _is_read(path, configuration):
            yield path, f"this option accepts only {', '.join(filter(None, known))}"


def _is_read(path: str, configuration: Configuration) -> bool:
    if path in UNREAD:
        return not all(map(configuration.is_on, UNREAD[path]))
    return path not in SWITCHES or configuration.is_on(SWITCHES[path])


def _pings(configuration: Configuration) -> Iterator[Refusal]:
    interval, timeout = PING[configuration.major]
    try:
        pings, pongs = _duration(configuration, interval, "25s"), _duration(configuration, timeout, "8s")
    except ValueError:
        return
    if pings <= pongs:
        yield interval, f"the ping interval must be longer than {timeout}"


def _duration(configuration: Configuration, path: str, default: str) -> Fraction:
    """The value of an option in milliseconds. v6 also uses the default for 0. Raises ValueError if it is invalid."""
    value = configuration.option(path).value
    given = milliseconds(default if value is None else value)
    return milliseconds(default) if given == 0 and configuration.major == 6 else given


def _names(configuration: Configuration) -> Iterator[Refusal]:
    for path in NAMESPACES[configuration.major]:
        yield from _named(path, configuration.lists.get(path), NAME, NAME_RULE)
    yield from _named("proxies", named_proxies(configuration), NAME, NAME_RULE)
    consumers = tables(configuration.lists.get("consumers"))
    yield from _named("consumers", consumers, CONSUMER_NAME, CONSUMER_NAME_RULE)
    known = CONSUMERS[configuration.major]
    for index, consumer in enumerate(consumers):
        kind = consumer.get("type")
        if kind not in known:
            yield f"consumers[{index}].type", f"this option accepts only {', '.join(known)}"
        elif configuration.major == 6 and is_true(consumer.get("enabled")):
            missing = [name for name in REQUIRED[kind] if not table(consumer.get(kind)).get(name)]
            yield from ((f"consumers[{index}].{kind}.{name}", f"{kind} needs {name}") for name in missing)


def _named(path: str, listed: Any, pattern: re.Pattern[str], rule: str) -> Iterator[Refusal]:
    """Checks the names of the listed tables. The rule value-invalid reports entries that are not tables."""
    items = [listed] if isinstance(listed, dict) else listed if isinstance(listed, list) else []
    names = [str(item.get("name") or "") if isinstance(item, dict) else None for item in items]
    for index, name in enumerate(names):
        if name is not None and not pattern.fullmatch(name):
            yield f"{path}[{index}].name", rule
    for name in _twice(filter(None, names)):
        yield path, f"the name {name!r} occurs more than once"


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _listeners(configuration: Configuration) -> Iterator[Refusal]:
    on = configuration.is_on
    if configuration.major == 5:
        if on("webtransport") and not on("http3"):
            yield "webtransport", "WebTransport needs http3"
        streams = "" if configuration.chooses_proxies() else configuration.text("proxy_subscribe_stream_endpoint")
        if streams.startswith("http"):
            yield "proxy_subscribe_stream_endpoint", "a subscribe stream proxy supports only gRPC"
        return
    if on("webtransport.enabled") and not on("http_server.http3.enabled"):
        yield "webtransport.enabled", "WebTransport needs http_server.http3.enabled"
    if on("http_server.h2c_external"):
        internal, port = configuration.text("http_server.internal_port"), configuration.text("http_server.port", "8000")
        if internal in ("", port) or on("http_server.tls.enabled"):
            yield "http_server.h2c_external", "h2c needs an internal_port of its own and no TLS"
    yield from _codes(configuration)


def _codes(configuration: Configuration) -> Iterator[Refusal]:
    """The code maps of unidirectional transports."""
    for section, code in CODE_MAPS.items():
        path = f"{section}.transforms"
        for index, transform in enumerate(tables(configuration.option(path).value)):
            to = table(transform.get("to"))
            if not transform.get("code") or not to.get(code):
                yield f"{path}[{index}]", f"each transform needs code and to.{code}"
            if not str(to.get("reason") or "").isascii():
                yield f"{path}[{index}]", "a reason must be ASCII"


CHECKS: Final[tuple[Callable[[Configuration], Iterator[Refusal]], ...]] = (
    _unknown_choices,
    _pings,
    token_refusals,
    _names,
    proxy_refusals,
    _listeners,
    server_refusals,
    path_refusals,
)
