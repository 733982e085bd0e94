"""Warnings about routes that do not fit a Centrifugo configuration."""

from collections.abc import Iterator
from typing import Final

from bridge.explaining.facts import NamespaceFacts, ServerFacts
from bridge.explaining.warnings import Warning
from bridge.routing.model import Action, HistoryRemoveAction, Idempotency, PublishAction, Route, channels_of
from bridge.routing.templates import GAP, Template, with_gaps

JSON_FORMATS: Final = ("", "json", "json_object")
NATS: Final = "Centrifugo's NATS broker keeps neither history nor idempotency keys"


def server_warnings(route: Route, server: ServerFacts) -> Iterator[Warning]:
    """The warnings about one route."""
    for action in route.actions:
        if isinstance(action, PublishAction) and action.version is not None and server.major < 6:
            yield action.number, f"Centrifugo v{server.major} ignores version, so older states overwrite newer ones"
        if server.nats:
            for sentence in _of_nats(action):
                yield action.number, sentence
        for template in channels_of(action):
            for sentence in _of_channel(action, template, server):
                yield action.number, f"channel {template.text}: {sentence}"


def _of_nats(action: Action) -> Iterator[str]:
    if isinstance(action, PublishAction):
        if action.idempotency.mode is not Idempotency.OFF:
            yield f"{NATS}: after a crash of the bridge, clients get some publications twice"
        if action.version is not None:
            yield f"{NATS}: version has no effect"
        if not action.skip_history:
            yield f"{NATS}: a client that reconnects does not get what was published while it was disconnected"
    elif isinstance(action, HistoryRemoveAction):
        yield f"{NATS}: there is no history to remove (not_available)"


def _of_channel(action: Action, template: Template, server: ServerFacts) -> Iterator[str]:
    name = _namespace_name(template, server.boundary)
    if name is None:
        return
    namespace = next((namespace for namespace in server.namespaces if namespace.name == name), None)
    if namespace is None:
        yield (
            f"Centrifugo has no namespace {name}: every record would be dead-lettered (unknown_channel); add it to the "
            "configuration"
        )
    elif isinstance(action, PublishAction):
        yield from _of_format(namespace)
        if not server.nats:
            yield from _of_history(action, namespace)
    elif isinstance(action, HistoryRemoveAction) and not (namespace.history or server.nats):
        yield f"the namespace keeps no history to remove (not_available); set {_history(namespace)}"


def _namespace_name(template: Template, boundary: str) -> str | None:
    """The namespace of the channels; "" for channels without a namespace; None if the event decides."""
    before, found, _ = with_gaps(template).partition(boundary) if boundary else ("", "", "")
    if not found:
        return ""
    return None if GAP in before else before


def _of_format(namespace: NamespaceFacts) -> Iterator[str]:
    if not namespace.streams:
        yield "the subscription_type of its namespace does not accept publications (rejected); use a stream type"
    if namespace.data_format not in JSON_FORMATS:
        yield f"publication_data_format is {namespace.data_format}, but the bridge publishes JSON"


def _of_history(action: PublishAction, namespace: NamespaceFacts) -> Iterator[str]:
    if action.version is not None and not namespace.history:
        yield f"version has no effect without history; set {_history(namespace)}"
    if action.delta and not namespace.deltas:
        yield f'delta has no effect; set allowed_delta_types = ["fossil"] at {namespace.path or "the top"}'
    if not action.skip_history and not (namespace.history and namespace.recovery):
        needed = _listed(namespace, "history_size", "history_ttl", "force_recovery")
        yield f"a client that reconnects does not get what was published while it was disconnected; set {needed}"


def _history(namespace: NamespaceFacts) -> str:
    return _listed(namespace, "history_size", "history_ttl")


def _listed(namespace: NamespaceFacts, *options: str) -> str:
    """The full names of the options, as in `a, b and c`."""
    *first, last = (f"{namespace.path}.{option}" if namespace.path else option for option in options)
    return f"{', '.join(first)} and {last}"
