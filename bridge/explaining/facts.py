"""What a check of routes may be told of the two rooms that it does not know: Centrifugo's configuration and the policy.

Plain data; who runs the check fills it in.
"""

from typing import NamedTuple


class NamespaceFacts(NamedTuple):
    """A namespace of Centrifugo, "" for the channels in none. `path` is where its options are in the configuration.

    `history` is true when publications are kept, `recovery` when clients can have those that they missed, `deltas` when
    they may ask for differences. `data_format` is `publication_data_format`. `streams` is false for the subscription
    types that cannot be published to.
    """

    name: str
    path: str
    history: bool
    recovery: bool
    deltas: bool
    data_format: str
    streams: bool


class ServerFacts(NamedTuple):
    """A configuration of Centrifugo. `boundary` parts a namespace from the rest of a channel."""

    major: int
    boundary: str
    namespaces: tuple[NamespaceFacts, ...]


class PolicyFacts(NamedTuple):
    """A rule for channels. A segment is a text, `*`, or a placeholder such as `{family_id}`.

    `place` says where it is, `subscribe` whether it lets anybody subscribe.
    """

    place: str
    match: str
    segments: tuple[str, ...]
    subscribe: bool
