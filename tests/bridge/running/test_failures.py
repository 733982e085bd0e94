"""What becomes of commands if Centrifugo answers with errors or not at all. HTTP is real; the server is scripted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from bridge.centrifugo.api import open_api
from bridge.commands import Headers, Mapped, Poison, Reason, Record, Skip, SkipReason
from bridge.delivery.verdicts import Failure, Outcome
from bridge.kafka.errors import NotDelivered
from bridge.running.bridge import ReceivingFailed
from bridge.running.spans import NO_SPAN, Span
from tests.bridge.made import PERMANENT_ERRORS, POISON, publication, record
from tests.bridge.running.rig import (
    GIVE_UP_S,
    IMPATIENT_S,
    FakeWriter,
    Handler,
    body,
    compressed_if_allowed,
    error,
    error_for,
    mapped,
    replies,
    reset,
    running_rig,
    silence,
    slow_above,
    status,
    success,
    success_after_spaces,
)
from tests.harness.waiting import until


async def test_records_whose_commands_are_done_can_be_committed() -> None:
    async with running_rig() as rig:
        rig.receive_publications("a", "b")
        await rig.until_done(2)

    assert sorted(channel for channels in rig.centrifugo.channels for channel in channels) == ["a", "b"]
    assert rig.value("records_total", topic="diary", outcome="done") == 2
    assert rig.centrifugo.keys == ["k"] * len(rig.centrifugo.batches)


@pytest.mark.parametrize("code", [100, 111, 4711])
async def test_after_a_temporary_error_only_commands_with_the_same_key_wait(code: int) -> None:
    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [error_for("a", code)]
        rig.receive_publications("a", "a", "b", "b")
        await rig.until_done(4)

    order = [channel for channels in rig.centrifugo.channels for channel in channels]
    assert order == ["a", "b", "b", "a", "a"]
    assert rig.writer.written == []


@pytest.mark.parametrize(("code", "reason"), PERMANENT_ERRORS)
async def test_after_a_permanent_error_the_record_is_dead_lettered_and_the_next_record_is_sent(
    code: int, reason: str
) -> None:
    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [error_for("a", code)]
        rig.receive_publications("a", "a")
        await rig.until_done(2)

    assert rig.letters == [(reason, "0")]
    assert rig.centrifugo.channels == [["a"], ["a"]]
    assert rig.value("dead_letters_total", topic="diary", reason=reason) == 1


async def test_an_answer_larger_than_any_valid_one_is_unusable_and_the_request_is_repeated() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [success_after_spaces(100_000), success_after_spaces(10_000_000)]
        rig.receive_publications("a")
        await rig.until_done(1)
        rig.receive_publications("b")
        await rig.until_done(2)

    assert rig.value("retries_total", cause="bad_reply") == 1
    assert rig.centrifugo.channels == [["a"], ["b"], ["b"]]


async def test_after_a_permanent_error_the_other_commands_of_the_record_are_still_sent() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [replies(error(102)), success, replies(error(107))]
        rig.receive(mapped(publication("a"), publication("b", action=2), publication("c", action=3)))
        await rig.until_done(1)

    headers = rig.writer.written[0][3]
    assert rig.centrifugo.channels == [["a"], ["b"], ["c"]]
    assert (headers["bridge.reason"], headers["bridge.action"]) == (b"unknown_channel", b"1,3")


@pytest.mark.parametrize("code", [400, 413])
async def test_the_commands_of_a_refused_batch_are_sent_one_by_one(code: int) -> None:
    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [success, status(code), success, status(code), success]
        rig.receive_publications("first")
        rig.receive_publications("a", "bad", "c")
        await rig.until_done(4)

    assert rig.centrifugo.channels == [["first"], ["a", "bad", "c"], ["a"], ["bad"], ["c"]]
    assert rig.letters == [("rejected", "2")]
    assert rig.value("retries_total", cause="rejected") == 3
    [(*_, headers)] = rig.writer.written
    assert headers["bridge.detail"] == f"HTTP status {code} for a request with this command alone".encode()
    assert headers["bridge.attempts"] == b"2"


async def test_an_outage_while_a_refused_batch_is_sent_one_by_one_loses_no_command() -> None:
    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [status(400), success, status(503)]
        rig.receive_publications("a", "b", "c")
        await rig.until_done(3)

    assert rig.writer.written == []
    assert {"a", "b", "c"} == {channel for channels in rig.centrifugo.channels[1:] for channel in channels}


async def test_a_refused_burst_keeps_its_order_when_one_of_its_commands_then_fails_temporarily() -> None:
    async with running_rig(requests=1) as rig:
        rig.centrifugo.script = [status(400), error_for("words", 100)]
        rig.receive(*(mapped(publication("words", burst=3, data=text.encode())) for text in "012"))
        await rig.until_done(3)

    sent = [[command["publish"]["data"] for command in batch] for batch in rig.centrifugo.batches]
    assert sent == [[0, 1, 2], [0], [0, 1, 2]]
    assert rig.letters == []


OUTAGES = [
    (reset, "reset"),
    (silence, "timeout"),
    (status(500), "http_5xx"),
    (status(503), "http_5xx"),
    (status(408), "http_busy"),
    (status(429), "http_busy"),
    (body("no json"), "bad_reply"),
    (body("{}"), "bad_reply"),
    (replies(), "bad_reply"),
    (replies({"publish": {}}, {"publish": {}}, {"publish": {}}), "bad_reply"),
]


@pytest.mark.parametrize(("failure", "cause"), OUTAGES)
async def test_in_an_outage_the_bridge_tries_one_request_at_a_time_until_it_gets_an_answer(
    failure: Handler, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridge")
    async with running_rig(batch_max=1, timeout_s=IMPATIENT_S if cause == "timeout" else GIVE_UP_S) as rig:
        rig.centrifugo.script = [failure, failure]
        rig.receive_publications("a")
        await until(lambda: rig.sender.outage.since is not None)
        rig.receive_publications("a", "b", "c", "d")
        rig.centrifugo.most_at_once = rig.centrifugo.at_once
        await until(lambda: not rig.centrifugo.script)
        probing = rig.centrifugo.most_at_once
        await rig.until_done(5)

    assert probing <= 1 or cause == "timeout"  # the server still handles the request that timed out
    assert rig.writer.written == []
    assert rig.value("retries_total", cause=cause) >= 2
    found = [record.getMessage() for record in caplog.records if "Centrifugo" in record.getMessage()]
    assert found == ["Centrifugo gives no usable answer; retrying", "Centrifugo answers again"]


@pytest.mark.parametrize(
    ("host", "cause"),
    [("127.0.0.1:1", "refused"), ("centrifugo.invalid", "dns"), ("255.255.255.255:80", "unreachable")],
)
async def test_a_failed_connection_counts_as_an_outage_and_has_its_cause(host: str, cause: str) -> None:
    async with open_api(f"http://{host}/api", key="", timeout_s=60, requests=1, parallel=True) as api:
        with pytest.raises(Failure) as failure:
            await api.send([publication("a")], ordered=False)

    assert (failure.value.outcome, failure.value.cause) == (Outcome.OUTAGE, cause)


@pytest.mark.parametrize("code", [401, 403, 404, 405])
async def test_with_a_wrong_key_or_url_requests_are_retried_and_one_error_is_logged(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [status(code), status(code), status(code)]
        rig.receive_publications("a")
        await rig.until_done(1)

    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        "Centrifugo refuses the bridge, or its certificate is not trusted: check CENTRIFUGO_API_URL, "
        "CENTRIFUGO_API_KEY and CENTRIFUGO_API_TLS_CA_FILE"
    ]
    assert rig.writer.written == []
    assert rig.value("retries_total", cause="misconfigured") == 3


async def test_a_centrifugo_that_is_too_slow_for_a_large_batch_gets_smaller_batches() -> None:
    async with running_rig(requests=1, batch_max=64, timeout_s=IMPATIENT_S) as rig:
        rig.centrifugo.script = [slow_above(16)] * 100
        rig.receive_publications(*(f"channel-{number}" for number in range(20)))
        await rig.until_done(20)

    assert [len(batch) for batch in rig.centrifugo.batches][:3] == [20, 20, 16]


async def test_the_bridge_can_read_the_answers_of_a_proxy_that_compresses() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [compressed_if_allowed]
        rig.receive_publications("a")
        await rig.until_done(1)

    assert rig.centrifugo.channels == [["a"]]
    assert rig.sender.outage.tries == 0


async def test_a_command_that_keeps_failing_is_given_up_if_others_succeed() -> None:
    async with running_rig(max_attempts=3, requests=1) as rig:
        rig.centrifugo.script = [error_for("a", 100)] * 3
        rig.receive_publications("a", "b", "c")
        await rig.until_done(3)

    assert rig.letters == [("gave_up", "0")]


async def test_failing_commands_behind_a_given_up_command_are_given_up_even_if_no_other_command_succeeds() -> None:
    async with running_rig(max_attempts=2, requests=1) as rig:
        rig.centrifugo.script = [error_for("a", 100)] * 6
        rig.receive_publications("a", "a", "a", "b", "a")
        await rig.until_done(5)

    assert rig.letters == [("gave_up", "0"), ("gave_up", "1"), ("gave_up", "2")]
    assert rig.value("commands_total", route="diary", command="publish", outcome="done") == 2


async def test_a_failing_burst_behind_a_given_up_command_is_given_up_even_if_no_other_command_succeeds() -> None:
    async with running_rig(max_attempts=2, requests=1) as rig:
        rig.centrifugo.script = [error_for("a", 100)] * 9
        rig.receive_publications("a")
        await until(lambda: len(rig.centrifugo.batches) == 1)
        rig.receive(mapped(publication("b")), *(mapped(publication("a", burst=3)) for _ in range(3)))
        await rig.until_done(5)

    assert rig.letters == [("gave_up", "0"), ("gave_up", "2"), ("gave_up", "3"), ("gave_up", "4")]


async def test_no_command_is_given_up_while_all_commands_fail() -> None:
    async with running_rig(max_attempts=2, requests=1) as rig:
        rig.centrifugo.script = [error_for("a", 100)] * 5
        rig.receive_publications("a")
        await rig.until_done(1)

    assert rig.letters == []
    assert len(rig.centrifugo.batches) == 6


async def test_a_broadcast_is_sent_again_only_to_the_channels_that_failed_temporarily() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [replies({"broadcast": {"responses": [{"result": {}}, error(100), error(102)]}})]
        rig.receive(mapped(publication("a", "b", "c")))
        await rig.until_done(1)

    assert [list(command) for batch in rig.centrifugo.batches for command in batch] == [["broadcast"], ["publish"]]
    assert rig.centrifugo.batches[1][0]["publish"]["channel"] == "b"
    assert rig.letters == [("unknown_channel", "0")]


async def test_a_broadcast_that_failed_for_one_channel_holds_up_only_that_channel() -> None:
    failed = [replies({"broadcast": {"responses": [{"result": {}}, error(100), {"result": {}}]}})]
    async with running_rig(batch_max=1, requests=1) as rig:
        rig.centrifugo.script = failed
        rig.receive(mapped(publication("a", "b", "c")))
        rig.receive_publications("a", "b", "c")
        await rig.until_done(4)

    sent = [channels for batch in rig.centrifugo.batches[1:] for channels in [batch[0]["publish"]["channel"]]]
    assert sent == ["a", "c", "b", "b"]


@dataclass
class FaultyTracer:
    """Raises an error at the second request, as a bug would."""

    requests: int = 0

    def request(self, records: Sequence[Record], commands: int) -> Span:
        self.requests += 1
        if self.requests == 2:
            raise RuntimeError("with a value of the event")
        return NO_SPAN


async def test_sending_continues_after_an_internal_error_in_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    async with running_rig(tracer=FaultyTracer()) as rig:
        rig.centrifugo.script = [status(503)]
        rig.receive_publications("a")
        await rig.until_done(1)

    [found] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (found.message, found.__dict__["error"]) == ("sending failed with an internal error", "RuntimeError")
    assert found.exc_info is None


async def test_a_broadcast_that_is_not_answered_for_every_channel_is_sent_again() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [replies({"broadcast": {"responses": [{"result": {}}]}})]
        rig.receive(mapped(publication("a", "b")))
        await rig.until_done(1)

    assert [batch[0]["broadcast"]["channels"] for batch in rig.centrifugo.batches] == [["a", "b"]] * 2


@pytest.mark.parametrize("reason", list(SkipReason))
async def test_a_record_that_is_skipped_is_counted_and_done(reason: SkipReason) -> None:
    async with running_rig() as rig:
        rig.receive(Skip(reason))
        await rig.until_done(1)

    assert rig.value("records_total", topic="diary", outcome=reason) == 1
    assert rig.centrifugo.batches == []


async def test_a_record_that_cannot_be_mapped_is_a_dead_letter() -> None:
    async with running_rig() as rig:
        rig.receive(Mapped((), (POISON,)))
        await rig.until_done(1)

    [(topic, key, value, _)] = rig.writer.written
    assert (topic, key, value) == ("dead-letters", b"key", b'{"secret":1}')
    assert rig.letters == [("not_json", "0")]


async def test_a_bug_in_the_mapping_is_logged_without_the_record(caplog: pytest.LogCaptureFixture) -> None:
    async with running_rig() as rig:
        rig.mapper.outcomes = {}
        rig.hand_over(record(0))
        await rig.until_done(1)

    [found] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert rig.letters == [("internal_error", "0")]
    assert found.__dict__["error"] == "KeyError"
    assert "in outcome" in found.__dict__["traceback"]
    assert found.exc_info is None


@dataclass
class FaultyWriter(FakeWriter):
    """Raises an error for the first letter, as a bug would."""

    faults: int = 0

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.faults += 1
        if self.faults == 1:
            raise RuntimeError("with a value of the event")
        await super().send(topic, key=key, value=value, headers=headers)


async def test_a_dead_letter_is_written_again_after_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async with running_rig(writer=FaultyWriter()) as rig:
        rig.receive(Mapped((), (POISON,)))
        await rig.until_done(1)

    [found] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert rig.letters == [("not_json", "0")]
    assert (found.message, found.exc_info) == ("writing a dead letter failed with an internal error", None)
    assert "with a value" not in caplog.text


@dataclass
class FaultyLabels:
    """Raises an error for the next `faults` topics, as a bug would."""

    faults: int = 0

    def of(self, topic: str) -> str:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("with a value of the event")
        return topic


async def test_after_an_internal_error_commits_stop_before_the_first_record_that_was_not_received(
    caplog: pytest.LogCaptureFixture,
) -> None:
    labels = FaultyLabels()
    async with running_rig(label=labels.of) as rig:
        rig.receive_publications("a")
        await rig.until_done(1)
        labels.faults = 1
        rig.receive(*[Skip(SkipReason.UNROUTED)] * 3)
        rig.receive(Skip(SkipReason.UNROUTED))

    [found] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert rig.committable == 2
    assert isinstance(rig.bridge.ended.result(), ReceivingFailed)
    assert found.message == "receiving failed with an internal error; the bridge exits"
    assert "with a value" not in caplog.text


async def test_an_undelivered_dead_letter_delays_the_commit_and_is_retried() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("_MSG_TIMED_OUT")] * 3
        rig.receive(Mapped((), (POISON,)))
        early = rig.committable
        await rig.until_done(1)

    assert early is None
    assert rig.letters == [("not_json", "0")]


async def test_undelivered_dead_letters_are_logged_at_most_once_a_second_for_each_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("_MSG_TIMED_OUT"), NotDelivered("_UNKNOWN_TOPIC")] * 20
        rig.receive(*[Mapped((), (POISON,))] * 20)
        await rig.until_done(20)

    warnings = [line for line in caplog.records if line.message == "a dead letter was not delivered; retrying"]
    causes = [vars(line)["cause"] for line in warnings]
    assert set(causes) == {"_MSG_TIMED_OUT", "_UNKNOWN_TOPIC"}
    assert {vars(line)["topic"] for line in warnings} == {"dead-letters"}
    assert len(causes) < 10


async def test_a_dead_letter_that_is_too_large_is_written_without_its_value() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("MSG_SIZE_TOO_LARGE", too_large=True)]
        rig.receive(Mapped((), (POISON,)))
        await rig.until_done(1)

    [(_, key, value, headers)] = rig.writer.written
    assert (key, value, headers["bridge.value"]) == (b"key", None, b"dropped, too large")
    assert "bridge.key" not in headers


async def test_a_dead_letter_that_is_too_large_even_without_its_value_has_only_the_headers_of_the_bridge() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("MSG_SIZE_TOO_LARGE", too_large=True)] * 2
        rig.receive(Mapped((), (POISON,)))
        await rig.until_done(1)

    [(_, key, value, headers)] = rig.writer.written
    assert (key, value) == (None, None)
    assert [headers[f"bridge.{part}"] for part in ("value", "key", "headers")] == [b"dropped, too large"] * 3
    assert rig.letters == [("not_json", "0")]


async def test_without_a_topic_for_dead_letters_the_partition_stops(caplog: pytest.LogCaptureFixture) -> None:
    async with running_rig(most_dead_letters=None) as rig:
        rig.receive(mapped(publication("a")), Mapped((), (POISON,)), mapped(publication("a")))
        await rig.until_done(1)

    assert rig.centrifugo.channels == [["a"]]
    assert [stop.offset for stop in rig.bridge.stopped()] == [1]
    assert rig.value("partition_stopped", topic="diary", partition="0") == 1
    assert rig.gate.held == {("diary", 0)}
    assert "partition stopped: correct the cause and restart the bridge" in caplog.text


async def test_too_many_dead_letters_in_a_row_stop_the_partition() -> None:
    async with running_rig(most_dead_letters=2) as rig:
        rig.receive(*[Mapped((), (Poison(Reason.NOT_JSON, "line 1"),))] * 4)
        await rig.until_done(2)

    assert rig.letters == [("not_json", "0"), ("not_json", "1")]
    assert [(stop.offset, stop.reason) for stop in rig.bridge.stopped()] == [(2, "too_many_dead_letters")]


async def test_a_burst_is_sent_in_one_request_without_the_option_parallel() -> None:
    async with running_rig(requests=1) as rig:
        rig.receive(*[mapped(publication("words", burst=3))] * 3)
        await rig.until_done(3)

    [only] = rig.centrifugo.bodies
    assert rig.centrifugo.channels == [["words"] * 3]
    assert "parallel" not in only
