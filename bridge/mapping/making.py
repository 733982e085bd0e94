"""Makes the commands of one action for one event."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from bridge.commands import (
    Command,
    Reason,
    disconnect,
    history_remove,
    publish,
    refresh,
    unsubscribe,
)
from bridge.event import Event, Unmappable
from bridge.mapping.idempotency import idempotency_key
from bridge.routing.data import encode
from bridge.routing.model import (
    Action,
    DisconnectAction,
    HistoryRemoveAction,
    PublishAction,
    RefreshAction,
    RefreshMode,
    UnsubscribeAction,
)
from bridge.routing.templates import MAX_NAME_BYTES, Template

MAX_VERSION: Final = 2**63 - 1
SURELY_SHORT: Final = MAX_NAME_BYTES // 4  # a character has at most four bytes in UTF-8


class Circumstances(msgspec.Struct, frozen=True, gc=False):
    """What an action needs besides the event. `alone` is true if the record has no other publish action."""

    route: str
    alone: bool
    now_ms: int


def make_commands(action: Action, event: Event, at: Circumstances) -> list[Command]:
    """The commands; empty if the lists in the event are empty. Raises Unmappable."""
    return _MAKERS[type(action)](action, event, at)


def _publish(action: PublishAction, event: Event, at: Circumstances) -> list[Command]:
    channels = _targets(action.channels, event, action.max_targets, Reason.BAD_CHANNEL)
    if not channels:
        return []
    data = encode(action.build(event))
    if len(data) > action.max_bytes:
        raise Unmappable(Reason.TOO_LARGE, f"data has {len(data)} bytes; accepted: at most {action.max_bytes}")
    suffix = "" if at.alone else f":{at.route}.{action.number}"
    return [
        publish(
            route=at.route,
            action=action.number,
            channels=channels,
            data=data,
            tags=_tags(action, event) if action.tags else None,
            idempotency_key=idempotency_key(action.idempotency, event, suffix),
            skip_history=action.skip_history,
            delta=action.delta,
            version=_version(action.version, event) if action.version else None,
            version_epoch=action.version_epoch.fill(event) if action.version_epoch else "",
            burst=action.burst,
        )
    ]


def _unsubscribe(action: UnsubscribeAction, event: Event, at: Circumstances) -> list[Command]:
    channels = _targets((action.channel,), event, action.max_targets, Reason.BAD_CHANNEL)
    made: dict[str, Any] = {"route": at.route, "action": action.number}
    return [unsubscribe(**made, user=user, channel=channel) for user in _users(action, event) for channel in channels]


def _disconnect(action: DisconnectAction, event: Event, at: Circumstances) -> list[Command]:
    made: dict[str, Any] = {"route": at.route, "action": action.number, "code": action.code, "reason": action.reason}
    return [disconnect(**made, user=user) for user in _users(action, event)]


def _refresh(action: RefreshAction, event: Event, at: Circumstances) -> list[Command]:
    # The next second: Centrifugo treats the current second as past.
    expire_at = at.now_ms // 1000 + 1 if action.mode is RefreshMode.ASK else None
    made: dict[str, Any] = {"route": at.route, "action": action.number, "expire_at": expire_at}
    return [refresh(**made, user=user) for user in _users(action, event)]


def _history_remove(action: HistoryRemoveAction, event: Event, at: Circumstances) -> list[Command]:
    channels = _targets((action.channel,), event, action.max_targets, Reason.BAD_CHANNEL)
    return [history_remove(route=at.route, action=action.number, channel=channel) for channel in channels]


_MAKERS: Final[Mapping[type[Action], Callable[[Any, Event, Circumstances], list[Command]]]] = {
    PublishAction: _publish,
    UnsubscribeAction: _unsubscribe,
    DisconnectAction: _disconnect,
    RefreshAction: _refresh,
    HistoryRemoveAction: _history_remove,
}


def _users(action: UnsubscribeAction | DisconnectAction | RefreshAction, event: Event) -> tuple[str, ...]:
    return _targets((action.user,), event, action.max_targets, Reason.BAD_PLACEHOLDER)


def _targets(templates: tuple[Template, ...], event: Event, limit: int, too_long: Reason) -> tuple[str, ...]:
    """The distinct channels or users. Raises Unmappable."""
    if len(templates) == 1 and templates[0].each is None:  # the usual case
        targets: tuple[str, ...] = (templates[0].fill(event),)
    else:
        targets = tuple(dict.fromkeys(text for template in templates for text in template.expand(event)))
        if len(targets) > limit:
            raise Unmappable(Reason.TOO_MANY_CHANNELS, f"{len(targets)} channels or users; accepted: at most {limit}")
    for target in targets:
        if len(target) > SURELY_SHORT and len(target.encode()) > MAX_NAME_BYTES:
            raise Unmappable(too_long, f"a name of {len(target.encode())} bytes; accepted: at most {MAX_NAME_BYTES}")
    return targets


def _tags(action: PublishAction, event: Event) -> dict[str, str]:
    filled = ((name, template.fill_if_there(event)) for name, template in action.tags)
    return {name: text for name, text in filled if text is not None}


def _version(template: Template, event: Event) -> int:
    """Raises Unmappable for an invalid version: Centrifugo would refuse the whole batch, or ignore the version."""
    try:
        text = template.fill(event)
    except Unmappable as error:
        if error.reason is Reason.NO_SUCH_FIELD:
            raise
        text = ""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_VERSION)) and 0 < int(text) <= MAX_VERSION):
        raise Unmappable(Reason.BAD_VERSION, f"version {template.text} is not an integer from 1 to {MAX_VERSION}")
    return int(text)
