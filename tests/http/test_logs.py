"""The log lines of a running process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import orjson
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.collector import collector
from tests.harness.identity import DOWN, IdentityStub, aborts, answers, identity_stub, success
from tests.harness.processes import Process, serving
from tests.harness.service import connect_body
from tests.harness.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("logs-http")]  # one worker runs the module's processes

WINDOW_S = 0.5
NO_BRANCH = answers(pb.ValidateResponse())
ODD_DISCONNECT = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=1, reason="r" * 200)))
TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
Line = dict[str, Any]


@dataclass
class Story:
    """The log lines of a process: at startup, before the outage, and from the outage on."""

    boot_out: list[Line]
    boot_err: list[Line]
    before_outage: list[Line]
    out: list[Line]
    err: list[Line]

    def only(self, message: str, lines: list[Line]) -> Line:
        """The one line with this message, without its time, trace and span."""
        (line,) = (line for line in lines if line["message"] == message)
        return {name: value for name, value in line.items() if name not in ("timestamp", "trace_id", "span_id")}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The log of a process that sees a healthy identity, then an outage, then malformed answers."""
    file = tmp_path_factory.mktemp("pool") / "tickets"
    file.write_text("p-1\np-2\np-3\n")
    file.chmod(0o600)
    return asyncio.run(run_process(str(file)))


async def run_process(tickets_path: str) -> Story:
    async with identity_stub() as identity:
        with (
            collector() as sink,
            serving(
                IDENTITY_VALIDATE_GRPC_ADDRESS=identity.address,
                IDENTITY_VALIDATE_DEADLINE_MS=str(int(WINDOW_S * 1000)),
                FALLBACK_DEGRADED_WINDOW_MS=str(int(WINDOW_S * 1000)),
                IDENTITY_PROBE_INTERVAL_MS="0",
                FALLBACK_LOW_WATERMARK="2",
                FALLBACK_TICKETS_PATH=tickets_path,
                OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            ) as process,
        ):
            await until(has_logged(process, "Application startup complete.", "centrifugo_proxy.W001"))
            boot_out, boot_err = lines(process.stdout()), lines(process.stderr())
            await run_before_outage(process, identity)
            await until(has_logged(process, "a call got no answer"))
            before_outage = lines(process.stdout() + process.stderr())[len(boot_out + boot_err) :]
            await run_outage_and_faults(process, identity)
            await until(has_logged(process, "identity outage ended", "changed a disconnect"))
            out, err = lines(process.stdout())[len(boot_out) :], lines(process.stderr())[len(boot_err) :]
            return Story(boot_out, boot_err, before_outage, out, err)


def has_logged(process: Process, *messages: str) -> Callable[[], bool]:
    """A condition: the process has written all these messages. Lines are written in order, but not at once."""
    return lambda: all(message in process.stdout() + process.stderr() for message in messages)


def lines(text: str) -> list[Line]:
    return [orjson.loads(line) for line in text.splitlines()]


async def connect(process: Process, *tickets: str) -> None:
    for ticket in tickets:
        headers = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
        await asyncio.to_thread(process.http.post, "/centrifugo/connect", json=connect_body(ticket), headers=headers)


async def run_before_outage(process: Process, identity: IdentityStub) -> None:
    for script in (success(), aborts(grpc.StatusCode.NOT_FOUND), success(degraded=True)):
        identity.script = script
        await connect(process, "a", "b")
    identity.script = DOWN
    await connect(process, "c")
    identity.script = success()
    await connect(process, "d")
    for path in ("/health", "/metrics", "/nowhere", "/centrifugo/connect", "/centrifugo/rpc"):
        await asyncio.to_thread(process.http.get, path)
        await asyncio.to_thread(process.http.post, path, content=b"no JSON")


async def run_outage_and_faults(process: Process, identity: IdentityStub) -> None:
    identity.script = DOWN
    await connect(process, "-")
    await asyncio.sleep(WINDOW_S + 0.01)
    await connect(process, "p-1", "p-2", "p-3", "p-3")
    identity.script = success()
    await connect(process, "e", "f")
    for script in (NO_BRANCH, ODD_DISCONNECT):
        identity.script = script
        await connect(process, *"ghijk")


def test_at_startup_infos_go_to_stdout_and_warnings_to_stderr(story: Story) -> None:
    assert {line["level"] for line in story.boot_out} == {"info"}
    assert [(line["level"], line["message"].split(":")[0]) for line in story.boot_err] == [
        ("warn", "centrifugo_proxy.W001")
    ]


def test_before_an_outage_only_failed_calls_are_logged(story: Story) -> None:
    assert [line["message"] for line in story.before_outage] == ["a call got no answer"]
    assert story.only("a call got no answer", story.before_outage) == {
        "level": "warn",
        "logger": "centrifugo_proxy",
        "message": "a call got no answer",
        "service": "identity",
        "grpc_status": "UNAVAILABLE",
        "count": 1,
    }


def test_each_event_is_logged_once_on_the_stream_for_its_level(story: Story) -> None:
    out = [(line["level"], line["message"]) for line in story.out]
    err = [(line["level"], line["message"]) for line in story.err if line["message"] != "a call got no answer"]

    accepted = ("info", "centrifugo.connect accepted via fallback pool")
    assert out == [accepted, accepted, accepted, ("info", "identity outage ended")]
    assert err == [
        ("warn", "identity outage opened"),
        ("warn", "fallback ticket pool dropped below low-watermark"),
        ("warn", "connect refused: no fallback ticket left"),
        ("error", "centrifugo.connect failed with an internal error"),
        ("warn", "changed a disconnect that Centrifugo does not accept"),
    ]


def test_the_line_about_the_start_of_an_outage_has_its_duration_and_the_number_of_failures(story: Story) -> None:
    line = story.only("identity outage opened", story.err)

    assert WINDOW_S < line.pop("duration_s") < 10
    assert line == {
        "level": "warn",
        "logger": "centrifugo_proxy",
        "message": "identity outage opened",
        "consecutive_failure_count": 2,
    }


def test_the_line_about_the_end_of_an_outage_has_its_duration_and_the_number_of_failures(story: Story) -> None:
    line = story.only("identity outage ended", story.out)

    assert WINDOW_S < line.pop("duration_s") < 10
    assert 0 <= line.pop("quiet_s") < 10
    assert line == {
        "level": "info",
        "logger": "centrifugo_proxy",
        "message": "identity outage ended",
        "failures": 5,
    }


def test_each_accepted_ticket_is_logged_with_the_tickets_left_and_the_outage(story: Story) -> None:
    accepted = [line for line in story.out if line["message"] == "centrifugo.connect accepted via fallback pool"]

    assert [line["pool_remaining"] for line in accepted] == [2, 1, 0]
    assert [line["outage_consecutive_failure_count"] for line in accepted] == [2, 3, 4]
    assert [line["outage_degraded"] for line in accepted] == [True, True, True]
    assert all(WINDOW_S < line["outage_duration_s"] < 10 for line in accepted)


def test_the_line_about_the_low_watermark_contains_the_number_of_remaining_tickets(story: Story) -> None:
    assert story.only("fallback ticket pool dropped below low-watermark", story.err) == {
        "level": "warn",
        "logger": "centrifugo_proxy",
        "message": "fallback ticket pool dropped below low-watermark",
        "pool_remaining": 1,
        "low_watermark": 2,
    }


def test_the_line_about_an_internal_error_has_its_cause(story: Story) -> None:
    line = story.only("centrifugo.connect failed with an internal error", story.err)

    assert line.pop("exc_info").endswith("IdentityFault: identity's answer has no outcome set")
    assert line == {
        "level": "error",
        "logger": "centrifugo_proxy",
        "message": "centrifugo.connect failed with an internal error",
    }


def test_the_line_about_a_changed_disconnect_has_the_original_code(story: Story) -> None:
    message = "changed a disconnect that Centrifugo does not accept"

    assert story.only(message, story.err) == {
        "level": "warn",
        "logger": "centrifugo_proxy",
        "message": message,
        "asked_by": "identity",
        "count": 1,
        "code": 1,
        "reason_bytes": 200,
    }


def test_every_line_of_a_request_has_its_trace_id(story: Story) -> None:
    of_request = story.out + story.err

    assert {line["trace_id"] for line in of_request} == {TRACE_ID}
    assert all(len(line["span_id"]) == 16 and line["span_id"] != PARENT_ID for line in of_request)


def test_every_log_line_has_a_time_and_a_level_and_a_logger_and_a_message(story: Story) -> None:
    for line in story.boot_out + story.boot_err + story.out + story.err:
        assert list(line)[:4] == ["timestamp", "level", "logger", "message"]
        assert line["timestamp"].endswith("Z")


async def test_malformed_requests_are_all_answered_but_logged_only_once() -> None:
    with serving() as process:
        answers = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
            writer.write(b"this is no HTTP\r\n\r\n")
            answers.append((await reader.read()).partition(b"\r\n")[0])
            writer.close()
        process.terminate()
        written = process.stderr()

    assert answers == [b"HTTP/1.1 400 Bad Request"] * 20
    assert written.count("Invalid HTTP request received.") == 1
