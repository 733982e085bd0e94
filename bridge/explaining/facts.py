"""Plain data about Centrifugo's configuration and the channel policy. The caller of the check provides it.

Their parsers belong to the proxy, which the bridge must not import.
"""

from typing import NamedTuple


class NamespaceFacts(NamedTuple):
    """A namespace of Centrifugo; "" for channels without one. `path` locates its options in the configuration.

    `history` is true if publications are kept, `recovery` if clients can get missed publications, `deltas` if clients
    may ask for differences. `data_format` is `publication_data_format`. `streams` is false for subscription types that
    the publish command refuses.
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

    `nats` is true if NATS is the broker: it keeps neither history nor idempotency keys, whatever the namespaces say.
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
