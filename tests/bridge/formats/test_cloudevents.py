"""CloudEvents in both content modes of Kafka: binary and structured."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from bridge.commands import Headers, Mapped, Poison, Reason, Skip, SkipReason
from tests.bridge.given import failed, one_route, outcome_of, publishing, record, sent

TEXT = one_route(
    publishing(
        "c:{@ce.type}", 'data = { id = "{id?}", ce = "{@ce.id}", source = "{@ce.source}", more = "{@ce.more?}" }'
    )
)
ONLY = TEXT.replace('topics = ["t"]', 'topics = ["t"]\nformat = "cloudevents"')
BINARY: Headers = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7"),
    ("ce_source", b"/diary"),
    ("ce_type", b"created"),
    ("content-type", b"application/json; charset=utf-8"),
)
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
ENVELOPE = {"specversion": "1.0", "id": "7", "source": "/diary", "type": "created", "data": {"id": "e1"}}
VERSION = "specversion is not 1.x"
NOT_JSON_DATA = "the data's content type is not JSON"
WANTED = {"id": "e1", "ce": "7", "source": "/diary"}


def without(headers: Headers, *names: str) -> Headers:
    return tuple(header for header in headers if header[0] not in names)


def enveloped(**changes: Any) -> bytes:
    return orjson.dumps({name: value for name, value in {**ENVELOPE, **changes}.items() if value != "-"})


@pytest.mark.parametrize("text", [TEXT, ONLY])
@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b'{"id": "e1"}', BINARY),
        (b'{"id": "e1"}', without(BINARY, "content-type")),
        (b'{"id": "e1"}', (*without(BINARY, "content-type"), ("Content-Type", b"application/vnd.diary+json"))),
        (b'"{\\"id\\": \\"e1\\"}"', BINARY),
        (enveloped(), STRUCTURED),
        (enveloped(specversion="1.1", datacontenttype="text/json"), STRUCTURED),
        (enveloped(data='{"id": "e1"}'), STRUCTURED),
        (enveloped(data="-", data_base64=b64encode(b'{"id": "e1"}').decode()), STRUCTURED),
        (enveloped(data=None, data_base64=b64encode(b'{"id": "e1"}').decode()), STRUCTURED),
        (enveloped(data_base64=None), STRUCTURED),
    ],
)
def test_the_attributes_and_the_data_are_read_in_both_content_modes(text: str, value: bytes, headers: Headers) -> None:
    [command] = sent(outcome_of(text, record(value, headers=headers)))

    assert (command["publish"]["channel"], command["publish"]["data"]) == ("c:created", WANTED)


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"{}", (*BINARY, ("Content-Type", b"Application/JSON"))),
        (enveloped(datacontenttype="Application/JSON"), STRUCTURED),
    ],
)
def test_the_content_type_of_the_data_is_an_attribute_in_both_content_modes(value: bytes, headers: Headers) -> None:
    text = one_route(publishing("c:x", 'data = { kind = "{@ce.datacontenttype}" }'))

    [command] = sent(outcome_of(text, record(value, headers=headers)))

    assert command["publish"]["data"] == {"kind": "Application/JSON"}


@pytest.mark.parametrize(
    ("value", "headers"),
    [(None, BINARY), (b"", BINARY), (enveloped(data="-"), STRUCTURED), (enveloped(data=None), STRUCTURED)],
)
def test_an_event_needs_no_data(value: bytes | None, headers: Headers) -> None:
    [command] = sent(outcome_of(TEXT, record(value, headers=headers)))

    assert command["publish"]["data"] == {"ce": "7", "source": "/diary"}


@pytest.mark.parametrize(
    ("form", "headers"), [("auto", STRUCTURED), ("auto", (("other", b"x"),)), ("json", BINARY), ("cloudevents", ())]
)
def test_a_record_without_a_value_is_a_tombstone_unless_it_is_an_event_in_the_format_of_its_route(
    form: str, headers: Headers
) -> None:
    text = one_route(publishing(), f'format = "{form}"')

    assert outcome_of(text, record(None, headers=headers)) == Skip(SkipReason.TOMBSTONE)


def test_an_event_without_data_is_a_tombstone_for_routes_of_another_format() -> None:
    other = one_route(publishing(), 'format = "json"\non_tombstone = "dead_letter"').replace("entries", "other")
    outcome = outcome_of(TEXT + other, record(None, headers=BINARY))

    assert isinstance(outcome, Mapped)
    assert [command.route for command in outcome.commands] == ["entries"]
    assert outcome.failures == (Poison(Reason.TOMBSTONE, "the record has no value", "other"),)


@pytest.mark.parametrize(
    ("value", "headers"),
    [(b"{}", (*BINARY, ("ce_more", None))), (enveloped(more=None), STRUCTURED)],
)
def test_an_attribute_that_is_null_is_absent(value: bytes, headers: Headers) -> None:
    [command] = sent(outcome_of(TEXT, record(value, headers=headers)))

    assert "more" not in command["publish"]["data"]


def test_extension_attributes_can_be_used_like_standard_ones() -> None:
    [binary] = sent(outcome_of(TEXT, record(b"{}", headers=(*BINARY, ("ce_more", b"x")))))
    [structured] = sent(outcome_of(TEXT, record(enveloped(more=3), headers=STRUCTURED)))

    assert [command["publish"]["data"]["more"] for command in (binary, structured)] == ["x", 3]


def test_a_record_without_cloudevents_headers_is_json_unless_the_route_requires_cloudevents() -> None:
    text = one_route(publishing("c", 'fields = ["id"]'))

    assert len(sent(outcome_of(text, record({"id": 1})))) == 1
    assert failed(outcome_of(ONLY, record({"id": 1}))) == Poison(
        Reason.NOT_CLOUDEVENTS,
        "the record has neither a header ce_specversion nor the content-type application/cloudevents+json",
        "entries",
    )


@pytest.mark.parametrize("text", [TEXT, ONLY])
@pytest.mark.parametrize(
    ("value", "headers", "reason", "detail"),
    [
        (b"{}", (*without(BINARY, "ce_specversion"), ("ce_specversion", b"0.3")), "not_cloudevents", VERSION),
        (b"{}", (*BINARY, ("ce_specversion", None)), "not_cloudevents", VERSION),
        (b"{}", without(BINARY, "ce_id"), "not_cloudevents", "id is absent, empty or not a text"),
        (b"{}", (*BINARY, ("ce_source", b"")), "not_cloudevents", "source is absent, empty or not a text"),
        (b"{}", (*BINARY, ("ce_type", b"\xff")), "not_cloudevents", "a ce_ header is not text in UTF-8"),
        (b"{", BINARY, "not_json", "not JSON in UTF-8: line 1, column 2"),
        (b"<a/>", (*BINARY, ("content-type", b"text/xml")), "unsupported", NOT_JSON_DATA),
        (
            b"",
            (*BINARY, ("content-type", b"application/avro")),
            "unsupported",
            "the data's content type is Avro, which is not supported",
        ),
        (enveloped(specversion=1), STRUCTURED, "not_cloudevents", VERSION),
        (enveloped(type=3), STRUCTURED, "not_cloudevents", "type is absent, empty or not a text"),
        (enveloped(data=[1]), STRUCTURED, "not_json", "the value is a list, not an object"),
        (enveloped(data_base64="e30="), STRUCTURED, "not_cloudevents", "data and data_base64 are both present"),
        (enveloped(data="-", data_base64="!"), STRUCTURED, "not_cloudevents", "data_base64 is not base64"),
        (enveloped(data="-", data_base64=3), STRUCTURED, "not_cloudevents", "data_base64 is not base64"),
        (enveloped(data="-", data_base64="é"), STRUCTURED, "not_cloudevents", "data_base64 is not base64"),
        (enveloped(data="-", data_base64="/w=="), STRUCTURED, "not_json", "not JSON in UTF-8: line 1, column 1"),
        (enveloped(data="x", datacontenttype="text/plain"), STRUCTURED, "unsupported", NOT_JSON_DATA),
        (enveloped(datacontenttype=3), STRUCTURED, "unsupported", NOT_JSON_DATA),
        (b"[]", STRUCTURED, "not_json", "the value is a list, not an object"),
        (
            b"[]",
            (("content-type", b"application/cloudevents-batch+json"),),
            "unsupported",
            "the content-type is that of a CloudEvent, but not application/cloudevents+json",
        ),
    ],
)  # fmt: skip
def test_an_invalid_or_unsupported_cloudevent_is_poison(
    text: str, value: bytes, headers: Headers, reason: str, detail: str
) -> None:
    assert failed(outcome_of(text, record(value, headers=headers))) == Poison(Reason(reason), detail, "entries")
