"""Reads the owner of a connection from a session event."""

from dataclasses import dataclass, field

from centrifugo_proxy.events.decision import MetaMissing, Notices
from centrifugo_proxy.policy.owner import Owner, owner_of
from centrifugo_proxy.protocol.session_events import EventRequest


@dataclass(slots=True)
class Once:
    """A flag that is true at the first call only."""

    called: bool = False

    def first(self) -> bool:
        first, self.called = not self.called, True
        return first


@dataclass(frozen=True, slots=True)
class Owners:
    """Reads the owner, and reports once if Centrifugo sends no `meta`."""

    missing: Once = field(default_factory=Once)

    def of(self, request: EventRequest) -> tuple[Owner | None, Notices]:
        """The owner, and the notices for operators.

        The owner is None if `user` is empty, or if `meta` is missing or malformed.
        """
        owner = owner_of(request.user, request.meta)
        if owner is None and request.without_meta and self.missing.first():
            return None, (MetaMissing(),)
        return owner, ()
