"""Reads a Centrifugo configuration and a channel policy for the check of the bridge's routes.

The bridge and the proxy do not import each other. This module may import both.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bridge.explaining.facts import NamespaceFacts, PolicyFacts, ServerFacts
from centrifugo_proxy.policy.file import read_policy
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.server_config.configuration import Configuration, Namespace, number, words
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.parsing import UnparsableError, format_of
from centrifugo_proxy.server_config.reader import read
from common.files import TEXT_BYTES, read_file

BOUNDARY: Final = ":"
STREAM: Final = "stream"
NATS: Final = "nats"


def server_facts(file: Path) -> ServerFacts:
    """The namespaces of a Centrifugo configuration. Raises OSError, ValueError or RecursionError."""
    text = read_file(file, TEXT_BYTES).decode()
    try:
        configuration = read(text, format_of(file.name, text))
    except UnparsableError as error:
        raise ValueError(f"{error} ({error.place})") from None
    flat = configuration.major < 6
    boundary = configuration.option("channel_namespace_boundary" if flat else "channel.namespace_boundary").value
    return ServerFacts(
        configuration.major,
        BOUNDARY if boundary is None else str(boundary),
        tuple(_namespaces(configuration)),
        nats=_publishes_through_nats(configuration, flat=flat),
    )


def _publishes_through_nats(configuration: Configuration, *, flat: bool) -> bool:
    if flat:
        return configuration.text("broker") == NATS
    return configuration.is_on("broker.enabled") and configuration.text("broker.type") == NATS


def _namespaces(configuration: Configuration) -> Iterator[NamespaceFacts]:
    for_all = configuration.option("channel.publication_data_format").value
    for namespace in configuration.namespaces:
        options = namespace.options
        yield NamespaceFacts(
            name=namespace.name,
            path=namespace.path,
            history=_keeps(namespace),
            recovery=namespace.on("force_recovery") or namespace.on("allow_recovery"),
            deltas=bool(words(options.get("allowed_delta_types"), configuration.major)),
            data_format=str(options.get("publication_data_format") or for_all or ""),
            streams=str(options.get("subscription_type") or STREAM) == STREAM,
        )


def _keeps(namespace: Namespace) -> bool:
    """True if the namespace keeps a history, which needs a size and a time."""
    return number(namespace.options.get("history_size")) > 0 and _is_positive(namespace.options.get("history_ttl"))


def _is_positive(duration: Any) -> bool:
    """Also True for a value that is not a duration, because Centrifugo does not start with such a value."""
    try:
        return milliseconds(duration or 0) > 0
    except ValueError:
        return True


class _AnyBackend(frozenset[str]):
    """Contains every name: the check covers only channels, and needs no RPC_BACKENDS."""

    def __contains__(self, name: Any) -> bool:
        return True


def policy_facts(file: Path) -> tuple[PolicyFacts, ...]:
    """The channel rules of a policy file. Raises OSError or ValueError."""
    policy = read_policy(
        read_file(file, TEXT_BYTES).decode("utf-8-sig"), path=str(file), backends=_AnyBackend(), family_service=True
    )
    return tuple(
        PolicyFacts(
            place=f"line {rule.line}",
            match=rule.match,
            segments=rule.segments,
            subscribe=Action.SUBSCRIBE in rule.allow,
        )
        for rule in policy.channels
    )
