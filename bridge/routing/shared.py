"""The keys that a route may inherit from [defaults]."""

from dataclasses import dataclass
from typing import Any, Final

from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.model import POSITION, IdempotencyKey, OnTombstone, OnTooOld
from bridge.routing.paths import Path, parse_path
from bridge.routing.section import Section, member, one_of, text
from bridge.routing.times import RECORD_TIME, parse_duration

PROTOBUF: Final = "protobuf"
FORMATS: Final = ("auto", "json", "cloudevents", PROTOBUF)
OF_PROTOBUF: Final = ("descriptor", "message", "framing")
SHARED: Final = ("format", "root", *OF_PROTOBUF, "max_age", "age_from", "on_too_old", "on_tombstone")


@dataclass(frozen=True, slots=True)
class Shared:
    """The values of the keys in SHARED, and of `idempotency`.

    `root` None means the whole value, `age_from` None means Kafka's timestamp.
    """

    format: str = "auto"
    root: Path | None = None
    descriptor: str = ""
    message: str = ""
    framing: str = "none"
    max_age_ms: int = 0
    age_from: Path | None = None
    on_too_old: OnTooOld = OnTooOld.DROP
    on_tombstone: OnTombstone = OnTombstone.SKIP
    idempotency: IdempotencyKey = POSITION


def read_shared(section: Section, base: Shared) -> Shared:
    """The values in this table. An absent key has the value of `base`. `idempotency` is not read here."""
    return Shared(
        format=section.get("format", one_of(FORMATS, " (Avro is not supported)"), base.format),
        root=section.get("root", _root, base.root),
        descriptor=section.get("descriptor", text('"identity.binpb"'), base.descriptor),
        message=section.get("message", text('"identity.v1.AccountClosed"'), base.message),
        framing=section.get("framing", one_of(("none", "confluent")), base.framing),
        max_age_ms=section.get("max_age", parse_duration, base.max_age_ms),
        age_from=section.get("age_from", _age_from, base.age_from),
        on_too_old=section.get("on_too_old", member(OnTooOld), base.on_too_old),
        on_tombstone=section.get("on_tombstone", member(OnTombstone), base.on_tombstone),
        idempotency=base.idempotency,
    )


def _root(value: Any) -> Path | None:
    if value == "":
        return None
    path = parse_path(value)
    if not path.names:
        raise NotAcceptedError(display(value), "a path into the event's data, such as payload")
    return path


def _age_from(value: Any) -> Path | None:
    return None if value == RECORD_TIME else parse_path(value)
