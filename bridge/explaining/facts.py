"""Plain data about Centrifugo's configuration and the channel policy. The caller of the check provides it.

The bridge cannot parse these files itself: the proxy has the parsers, and the bridge must not import the proxy.
"""

from typing import NamedTuple


class NamespaceFacts(NamedTuple):
    """A namespace of Centrifugo. `name` is "" for channels without a namespace.

    `path` locates the options of the namespace in the configuration. `history` is true if publications are kept,
    `recovery` if clients can get missed publications, and `deltas` if clients may ask for delta compression.
    `data_format` is `publication_data_format`. `streams` is false if the publish command refuses the namespace's
    subscription type.
    """

    name: str
    path: str
    history: bool
    recovery: bool
    deltas: bool
    data_format: str
    streams: bool


class ServerFacts(NamedTuple):
    """A configuration of Centrifugo. `boundary` separates the namespace from the rest of a channel.

    `nats` is true if NATS is the broker. NATS keeps no history and no idempotency keys, even if a namespace sets them.
    """

    major: int
    boundary: str
    namespaces: tuple[NamespaceFacts, ...]
    nats: bool = False


class PolicyFacts(NamedTuple):
    """A rule for channels. A segment is a text, `*`, or a placeholder such as `{family_id}`.

    `place` locates the rule, such as "line 3". `subscribe` is true if the rule allows subscribing.
    """

    place: str
    match: str
    segments: tuple[str, ...]
    subscribe: bool
