"""Reads the actions of a route."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from bridge.routing.data import (
    WHOLE_EVENT,
    Build,
    parse_data,
    parse_fields,
    paths_of_data,
    paths_of_fields,
    whole_event,
)
from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.model import (
    NEVER,
    Action,
    DisconnectAction,
    HistoryRemoveAction,
    Idempotency,
    IdempotencyKey,
    PublishAction,
    RefreshAction,
    RefreshMode,
    UnsubscribeAction,
)
from bridge.routing.paths import Path
from bridge.routing.section import Section, flag, integer, member, one_of
from bridge.routing.templates import NOT_EMPTY, Template, parse_channel, parse_template, parse_user
from bridge.routing.times import parse_duration

MAX_TAGS: Final = 16
MAX_CHANNELS: Final = 1000
MAX_DATA_BYTES: Final = 1_048_576
MAX_REASON_BYTES: Final = 123
COMMON: Final = ("do", "max_age", "max_channels")
PUBLISH: Final = (
    *COMMON,
    "channel",
    "channels",
    "fields",
    "data",
    "max_bytes",
    "tags",
    "skip_history",
    "delta",
    "version",
    "version_epoch",
    "idempotency",
    "burst",
)
KEYS: Final = {
    PublishAction.do: PUBLISH,
    UnsubscribeAction.do: (*COMMON, "user", "channel"),
    DisconnectAction.do: (*COMMON, "user", "code", "reason"),
    RefreshAction.do: (*COMMON, "user", "mode"),
    HistoryRemoveAction.do: (*COMMON, "channel"),
}
USER_EXAMPLE: Final = 'a template such as "{user_id}"'
CHANNEL_EXAMPLE: Final = 'a template such as "family:{family_id}:chat"'
# Stand-ins for values that could not be read; the file then has a fault.
NO_TEMPLATE: Final = Template("", ())
UNREAD: Final[Build] = whole_event


def read_action(section: Section, number: int, idempotency: IdempotencyKey) -> Action | None:
    """The action in this table; None if `do` is missing or invalid. `idempotency` is the default for publish."""
    do = section.need("do", one_of(KEYS), ", ".join(KEYS), "")
    if not do:
        return None
    section.refuse_unknown(KEYS[do])
    readers: dict[str, Callable[[], Action]] = {
        PublishAction.do: lambda: _publish(section, number, idempotency),
        UnsubscribeAction.do: lambda: _unsubscribe(section, number),
        DisconnectAction.do: lambda: _disconnect(section, number),
        RefreshAction.do: lambda: _refresh(section, number),
        HistoryRemoveAction.do: lambda: HistoryRemoveAction(**_common(section, number), channel=_channel(section)),
    }
    return readers[do]()


def _common(section: Section, number: int, *, max_age: int | None = NEVER) -> dict[str, Any]:
    return {
        "number": number,
        "line": section.line,
        "max_age_ms": section.get("max_age", parse_duration, max_age),
        "max_targets": section.get("max_channels", integer(1, MAX_CHANNELS), 100),
    }


def _publish(section: Section, number: int, idempotency: IdempotencyKey) -> PublishAction:
    build, whole = _data(section)
    version = section.get("version", _version, None)
    if "version_epoch" in section and "version" not in section:
        section.fault("version_epoch", "version_epoch without version", "version_epoch together with version")
    return PublishAction(
        **_common(section, number, max_age=None),
        channels=_channels(section),
        build=build,
        whole_event=whole,
        data_paths=() if build is UNREAD else tuple(_data_paths(section)),
        max_bytes=section.get("max_bytes", integer(1, MAX_DATA_BYTES), 65536),
        tags=section.get("tags", _tags, ()),
        skip_history=section.get("skip_history", flag, False),
        delta=section.get("delta", flag, False),
        version=version,
        version_epoch=section.get("version_epoch", _epoch, None),
        idempotency=section.get("idempotency", parse_idempotency, idempotency),
        burst=section.get("burst", integer(1, 64), 1),
    )


def _unsubscribe(section: Section, number: int) -> UnsubscribeAction:
    user, channel = _user(section), _channel(section)
    if user.each and channel.each:
        section.fault("channel", "[] in user and in channel", "[] in only one of user and channel")
    return UnsubscribeAction(**_common(section, number), user=user, channel=channel)


def _disconnect(section: Section, number: int) -> DisconnectAction:
    return DisconnectAction(
        **_common(section, number),
        user=_user(section),
        code=section.get("code", integer(4000, 4999), 4100),
        reason=section.get("reason", _reason, "access changed"),
    )


def _refresh(section: Section, number: int) -> RefreshAction:
    mode = section.get("mode", member(RefreshMode), RefreshMode.RECONNECT)
    return RefreshAction(**_common(section, number), user=_user(section), mode=mode)


def _user(section: Section) -> Template:
    return section.need("user", parse_user, USER_EXAMPLE, NO_TEMPLATE)


def _channel(section: Section) -> Template:
    return section.need("channel", parse_channel, CHANNEL_EXAMPLE, NO_TEMPLATE)


def _channels(section: Section) -> tuple[Template, ...]:
    if "channels" not in section:
        return (_channel(section),)
    if "channel" in section:
        section.fault("channels", "channel and channels", "either channel or channels")
    channels = section.items("channels", parse_channel, 'a list of templates such as ["family:{family_id}:chat"]')
    if len({template.text for template in channels}) < len(channels):
        section.fault("channels", display(section.table["channels"]), "different templates")
    return channels


def _data(section: Section) -> tuple[Build, bool]:
    """The builder of the data, and whether the data is the whole event."""
    if ("fields" in section) == ("data" in section):
        seen = "fields and data" if "data" in section else "neither fields nor data"
        section.fault("data", seen, "either fields or data")
    if "fields" in section:
        return section.get("fields", _fields, UNREAD), False
    if section.table.get("data") == WHOLE_EVENT:
        return whole_event, True
    return section.get("data", _data_table, UNREAD), False


def _data_paths(section: Section) -> Iterator[Path]:
    """The paths in `fields` or `data`, which have been accepted."""
    return paths_of_fields(section.table["fields"]) if "fields" in section else paths_of_data(section.table["data"])


def _fields(value: Any) -> Build:
    if not isinstance(value, list) or not value:
        raise NotAcceptedError(display(value), 'a list of paths such as ["entry_id", "title?"]')
    return parse_fields(value)


def _data_table(value: Any) -> Build:
    if not isinstance(value, dict):
        raise NotAcceptedError(display(value), 'a table such as { id = "{entry_id}" }, or "*" for the whole event')
    return parse_data(value)


def _tags(value: Any) -> tuple[tuple[str, Template], ...]:
    if not isinstance(value, dict) or len(value) > MAX_TAGS or "" in value:
        seen = f"{len(value)} tags" if isinstance(value, dict) and len(value) > MAX_TAGS else display(value)
        accepted = f'a table of at most {MAX_TAGS} texts with non-empty names, such as {{ kind = "diary" }}'
        raise NotAcceptedError(seen, accepted)
    return tuple((name, parse_template(text, NOT_EMPTY, optional=True)) for name, text in value.items())


def _version(value: Any) -> Template | None:
    return _varying(value, "{version}")


def _epoch(value: Any) -> Template | None:
    if value == "":
        raise NotAcceptedError(display(value), 'a template such as "{epoch}"')
    return parse_template(value, NOT_EMPTY)


def _varying(value: Any, example: str) -> Template:
    """A template with at least one placeholder. With a constant, Centrifugo would drop all events after the first."""
    if isinstance(value, str) and (template := parse_template(value, NOT_EMPTY)).placeholders:
        return template
    raise NotAcceptedError(display(value), f'a template with a placeholder, such as "{example}"')


def _reason(value: Any) -> str:
    if isinstance(value, str) and len(value.encode()) <= MAX_REASON_BYTES:
        return value
    raise NotAcceptedError(display(value), f"a text of at most {MAX_REASON_BYTES} bytes")


def parse_idempotency(value: Any) -> IdempotencyKey:
    """Parses `"position"`, `"event"`, `"off"` or `{ event = "{path}" }`. Raises NotAcceptedError."""
    if isinstance(value, str) and value in tuple(Idempotency):
        return IdempotencyKey(Idempotency(value))
    if isinstance(value, dict) and set(value) == {"event"}:
        return IdempotencyKey(Idempotency.EVENT, _varying(value["event"], "{id}"))
    raise NotAcceptedError(display(value), 'position, event, off, or { event = "{path}" }')
