"""The values that mapping and delivery share: records from Kafka, and commands for Centrifugo.

Pure: no clock, no I/O. A command is encoded once, when it is made. A batch joins the `encoded` bytes of its commands:
`{"commands": [<encoded>, <encoded>, …]}`, usually with `"parallel": true`, posted to `/api/batch`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeAlias

import msgspec
import orjson

from bridge.encoding import dumped

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]


class Record(msgspec.Struct, frozen=True, gc=False):
    """A Kafka record.

    `timestamp` is in milliseconds since 1970; -1 if the broker has no timestamp. A record whose `value` is None is a
    tombstone, or a CloudEvent without data. If a header name occurs several times, the last header counts. `fault` says
    why the record is unreadable; "" if it is readable.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    fault: str = ""


class Reason(StrEnum):
    """Why a record is dead-lettered: the values of the header `bridge.reason` and of the metric label `reason`."""

    NOT_JSON = "not_json"
    NOT_CLOUDEVENTS = "not_cloudevents"
    NOT_PROTOBUF = "not_protobuf"
    UNSUPPORTED = "unsupported"
    NO_SUCH_FIELD = "no_such_field"
    BAD_PLACEHOLDER = "bad_placeholder"
    BAD_CHANNEL = "bad_channel"
    TOO_LARGE = "too_large"
    TOO_MANY_CHANNELS = "too_many_channels"
    BAD_VERSION = "bad_version"
    BAD_TIME = "bad_time"
    TOO_OLD = "too_old"
    TOMBSTONE = "tombstone"
    # The next four reasons come from Centrifugo's answers.
    UNKNOWN_CHANNEL = "unknown_channel"
    UNKNOWN_METHOD = "unknown_method"
    NOT_AVAILABLE = "not_available"
    REJECTED = "rejected"
    # BRIDGE_MAX_ATTEMPTS is used up (gave_up), or the bridge has a bug (internal_error).
    GAVE_UP = "gave_up"
    INTERNAL_ERROR = "internal_error"


# The reasons for a record that could not be read. The mapping's other reasons are about one route.
FORMAT_REASONS = frozenset({Reason.NOT_JSON, Reason.NOT_CLOUDEVENTS, Reason.NOT_PROTOBUF, Reason.UNSUPPORTED})

# The outcomes in `realtime_bridge_records_total` are these two and SkipReason. A command can have the outcome DONE too.
DONE: Final = "done"
DEAD_LETTER: Final = "dead_letter"


class SkipReason(StrEnum):
    """Why a record needs no commands: an outcome in `realtime_bridge_records_total`."""

    UNROUTED = "unrouted"  # no route matches
    TOO_OLD = "too_old"
    TOMBSTONE = "tombstone"
    NO_RECIPIENTS = "no_recipients"  # the lists in the event are empty


class Poison(NamedTuple):
    """A failure that a retry cannot fix.

    `detail` never quotes a value of the event. `route` is "" if the route is unknown. `action` is the number of the
    action in its route, from 1; None if the action is unknown or if the record could not be read.
    """

    reason: Reason
    detail: str
    route: str = ""
    action: int | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One command of Centrifugo's server API.

    `keys` are the order keys: commands that share a key run in the order in which they were received. A channel's key
    is its name. A user's key is `user_key(user)`, which differs from every channel name. Keys are distinct and never
    empty. `encoded` is the JSON object of this command in the `commands` of `/api/batch`.
    `route` and `action` (counted from 1) tell which action of the routes file made the command. `kind` is the value of
    `do` in the routes file, and a metric label.
    `burst` is the maximum number of commands with the same key in one batch. If these commands have different values
    of `burst`, the smallest value counts. A batch with several commands for one key is sent without `parallel`.
    """

    kind: ClassVar[str]
    route: str
    action: int
    keys: tuple[str, ...]
    encoded: bytes
    burst: int = 1

    @property
    def method(self) -> str:
        """The API method. In the reply, this name is the key of the result."""
        return self.kind


class Publish(Command, frozen=True, kw_only=True, gc=False):
    """A publication to one or more channels.

    For several channels, the API method is `broadcast`. Its reply has `{"responses": […]}` with one response per
    channel, in the order of `channels`. `only` makes the command for the channels that need a retry.
    `data` is JSON. An unset `idempotency_key` or `version_epoch` is "", an unset `version` is None. All channels can
    share an idempotency key, because Centrifugo stores these keys per channel.
    """

    kind: ClassVar[str] = "publish"
    channels: tuple[str, ...]
    data: bytes
    tags: Mapping[str, str]
    idempotency_key: str
    skip_history: bool
    delta: bool
    version: int | None
    version_epoch: str

    @property
    def method(self) -> str:
        return "publish" if len(self.channels) == 1 else "broadcast"

    def only(self, channels: Iterable[str]) -> "Publish":
        """The same publication for some of its channels (at least one). Their order stays the same."""
        wanted = frozenset(channels)
        return publish(
            route=self.route,
            action=self.action,
            channels=tuple(channel for channel in self.channels if channel in wanted),
            data=self.data,
            tags=self.tags,
            idempotency_key=self.idempotency_key,
            skip_history=self.skip_history,
            delta=self.delta,
            version=self.version,
            version_epoch=self.version_epoch,
            burst=self.burst,
        )


class Unsubscribe(Command, frozen=True, kw_only=True, gc=False):
    """Ends one user's subscriptions to one channel."""

    kind: ClassVar[str] = "unsubscribe"
    user: str
    channel: str


class Disconnect(Command, frozen=True, kw_only=True, gc=False):
    """Closes a user's connections. SDKs reconnect after codes 4000–4499, and never after 4500–4999."""

    kind: ClassVar[str] = "disconnect"
    user: str
    code: int
    reason: str


class Refresh(Command, frozen=True, kw_only=True, gc=False):
    """Makes Centrifugo check a user's connections again.

    If `expire_at` is None, Centrifugo closes the connections with code 3005, and SDKs reconnect. Otherwise `expire_at`
    is in seconds since 1970. Centrifugo then asks the refresh proxy at that time plus `client.expired_close_delay`. A
    time in the past has the same effect as None.
    """

    kind: ClassVar[str] = "refresh"
    user: str
    expire_at: int | None


class HistoryRemove(Command, frozen=True, kw_only=True, gc=False):
    """Empties a channel's history."""

    kind: ClassVar[str] = "history_remove"
    channel: str


class Mapped(msgspec.Struct, frozen=True, gc=False):
    """The commands and failures of a record.

    The commands are sent in order. Each command waits until the previous command has finished, with or without success.
    A failed action does not stop the commands of other actions: a publication that fails must not prevent a
    disconnect. The dead letter has the reason of the first failure. At least one of the two tuples is not empty.
    """

    commands: tuple[Command, ...]
    failures: tuple[Poison, ...] = ()


class Skip(NamedTuple):
    """The record needs no action."""

    reason: SkipReason


Outcome: TypeAlias = Mapped | Skip


class Mapper(Protocol):
    """Turns a record into commands. `bridge.mapping.mapper.RouteMapper` implements it with a routes file."""

    def outcome(self, record: Record, now_ms: int) -> Outcome:
        """The outcome for `record` at `now_ms` (milliseconds since 1970).

        A record of the replay topic is mapped with the topic, position and timestamp of the original record.
        An exception from this method is a bug; the record then fails with `internal_error`.
        """


def user_key(user: str) -> str:
    """The order key of commands for a user. The key contains NUL, which no channel name contains."""
    return f"user\0{user}"


def publish(
    *,
    route: str,
    action: int,
    channels: tuple[str, ...],
    data: bytes,
    tags: Mapping[str, str] | None = None,
    idempotency_key: str = "",
    skip_history: bool = False,
    delta: bool = False,
    version: int | None = None,
    version_epoch: str = "",
    burst: int = 1,
) -> Publish:
    """A publication of `data` (JSON) to `channels`, which must be distinct. Unset options are not sent."""
    single = len(channels) == 1
    request: dict[str, Any] = {"channel": channels[0]} if single else {"channels": channels}
    request["data"] = orjson.Fragment(data)
    if tags:
        request["tags"] = tags
    if idempotency_key:
        request["idempotency_key"] = idempotency_key
    if skip_history:
        request["skip_history"] = True
    if delta:
        request["delta"] = True
    if version is not None:
        request["version"] = version
    if version_epoch:
        request["version_epoch"] = version_epoch
    return Publish(
        route=route,
        action=action,
        keys=channels,
        encoded=dumped({"publish" if single else "broadcast": request}),
        channels=channels,
        data=data,
        tags=tags or {},
        idempotency_key=idempotency_key,
        skip_history=skip_history,
        delta=delta,
        version=version,
        version_epoch=version_epoch,
        burst=burst,
    )


def unsubscribe(*, route: str, action: int, user: str, channel: str) -> Unsubscribe:
    """The command stays in order with the commands for the channel and with the commands for the user."""
    return Unsubscribe(
        route=route,
        action=action,
        keys=(channel, user_key(user)),
        encoded=dumped({"unsubscribe": {"user": user, "channel": channel}}),
        user=user,
        channel=channel,
    )


def disconnect(*, route: str, action: int, user: str, code: int, reason: str) -> Disconnect:
    """`code` is 4000–4999. `reason` has at most 123 bytes; with a longer reason, clients would see code 1006."""
    request = {"user": user, "disconnect": {"code": code, "reason": reason}}
    return Disconnect(
        route=route,
        action=action,
        keys=(user_key(user),),
        encoded=dumped({"disconnect": request}),
        user=user,
        code=code,
        reason=reason,
    )


def refresh(*, route: str, action: int, user: str, expire_at: int | None) -> Refresh:
    """The command always contains an expiry. Without an expiry, the connections would never expire again."""
    expiry = {"expired": True} if expire_at is None else {"expire_at": expire_at}
    return Refresh(
        route=route,
        action=action,
        keys=(user_key(user),),
        encoded=dumped({"refresh": {"user": user, **expiry}}),
        user=user,
        expire_at=expire_at,
    )


def history_remove(*, route: str, action: int, channel: str) -> HistoryRemove:
    """The command stays in order with the commands for the channel."""
    return HistoryRemove(
        route=route,
        action=action,
        keys=(channel,),
        encoded=dumped({"history_remove": {"channel": channel}}),
        channel=channel,
    )
