"""The format of a log line, and which lines are suppressed."""

import io
import logging
import os
import pty
import re
import socket
import subprocess
import sys
from typing import Any

import orjson
import pytest
from freezegun.api import FrozenDateTimeFactory
from opentelemetry.sdk.trace import TracerProvider

from common.repetition import ClosedFault
from realtime_site.logs import LEVELS, BelowWarning, FloodFilter, HumanFormatter, JsonFormatter, configuration
from tests.harness.paths import ROOT
from tests.harness.processes import START_S, environment, serve_command


def record(
    level: int = logging.ERROR, message: str = "failed", name: str = "a.logger", line: int = 1, **fields: Any
) -> Any:
    """A log record, as a logger would make it on this line of a file."""
    made = logging.Logger(name).makeRecord(name, level, "file.py", line, message, (), None, extra=fields)
    made.created = 1_800_000_000.25
    return made


def failure(fault: Exception | None = None, message: str = "failed") -> Any:
    """The record of an exception."""
    try:
        raise fault or ValueError("no such thing")
    except Exception:
        return logging.Logger("a.logger").makeRecord("a.logger", 40, "file.py", 1, message, (), sys.exc_info())


def test_a_line_is_one_json_object_with_the_fields_of_its_record() -> None:
    line = JsonFormatter().format(record(logging.INFO, "all\nwell", pool_remaining=7, status="ok"))

    assert line.count("\n") == 0
    assert orjson.loads(line) == {
        "timestamp": "2027-01-15T08:00:00.250Z",
        "level": "info",
        "logger": "a.logger",
        "message": "all\nwell",
        "pool_remaining": 7,
        "status": "ok",
    }


def test_a_line_inside_a_span_has_the_ids_of_the_trace_and_the_span() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    with tracer.start_as_current_span("a request") as span:
        line = orjson.loads(JsonFormatter().format(record()))

    ids = span.get_span_context()
    assert (line["trace_id"], line["span_id"]) == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")


def test_a_traceback_is_in_the_same_json_line_as_its_error() -> None:
    line = JsonFormatter().format(failure())

    assert line.count("\n") == 0
    assert orjson.loads(line)["exc_info"].endswith("ValueError: no such thing")


@pytest.mark.parametrize(
    ("level", "name"),
    [(5, "trace"), (10, "debug"), (20, "info"), (30, "warn"), (40, "error"), (50, "fatal")],
)
def test_each_level_has_one_name_in_a_line(level: int, name: str) -> None:
    assert orjson.loads(JsonFormatter().format(record(level)))["level"] == name


def test_a_terminal_gets_a_human_readable_line() -> None:
    line = HumanFormatter().format(record(logging.WARNING, "pool low", pool_remaining=7))

    assert re.fullmatch(r"\d\d:\d\d:00\.250 warn  pool low pool_remaining=7", line)


def test_a_terminal_gets_the_traceback_below_the_line() -> None:
    line, *traceback = HumanFormatter().format(failure()).splitlines()

    assert line.endswith("error failed")
    assert (traceback[0], traceback[-1]) == ("Traceback (most recent call last):", "ValueError: no such thing")


@pytest.mark.parametrize("level", LEVELS)
def test_each_value_of_log_level_sets_the_level_of_the_root_logger(level: str) -> None:
    assert configuration(level, human=False)["root"]["level"] == LEVELS[level]


def test_a_terminal_shows_only_the_settings_that_were_set() -> None:
    line = HumanFormatter().format(record(logging.INFO, "started", given={"A": 1}, settings={"A": 1, "B": 2}))

    assert line.endswith("info  started given={'A': 1}")


@pytest.mark.parametrize(("human", "formatter"), [(True, HumanFormatter), (False, JsonFormatter)])
def test_the_format_of_a_line_depends_on_the_terminal(human: bool, formatter: type) -> None:
    assert configuration("info", human=human)["formatters"]["line"] == {"()": formatter}


@pytest.mark.parametrize(("level", "kept"), [(5, True), (20, True), (30, False), (40, False), (50, False)])
def test_lines_of_level_warn_and_above_do_not_go_to_stdout(level: int, kept: bool) -> None:
    assert BelowWarning().filter(record(level)) is kept


def through(flood: FloodFilter, *records: Any) -> list[dict[str, Any]]:
    """The lines that pass a handler with this filter."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(flood)
    handler.setFormatter(JsonFormatter())
    for each in records:
        handler.handle(each)
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_repeated_error_is_logged_once_and_then_counted(frozen_time: FrozenDateTimeFactory) -> None:
    flood = FloodFilter(quiet_s=30)

    first = through(flood, *(record() for _ in range(1000)))
    frozen_time.tick(29.9)
    second = through(flood, record())
    frozen_time.tick(0.1)
    third = through(flood, record(), record())

    assert [line.get("held_back") for line in first + second + third] == [None, 1000]


def test_errors_with_different_causes_are_rate_limited_separately(frozen_time: FrozenDateTimeFactory) -> None:
    never_raised = logging.Logger("a.logger").makeRecord(
        "a.logger", 40, "file.py", 1, "failed", (), (ValueError, ValueError("not raised"), None)
    )
    records = [
        failure(), failure(KeyError("a")), failure(ClosedFault("b")), failure(ClosedFault("c")),
        failure(ClosedFault("c"), "another failed"), never_raised,
    ]  # fmt: skip

    lines = through(FloodFilter(30), *records, *records)

    shown = [(line["message"], line["exc_info"].splitlines()[-1].removeprefix("common.repetition.")) for line in lines]
    assert shown == [
        ("failed", "ValueError: no such thing"),
        ("failed", "KeyError: 'a'"),
        ("failed", "ClosedFault: b"),
        ("failed", "ClosedFault: c"),
        ("another failed", "ClosedFault: c"),
        ("failed", "ValueError: not raised"),
    ]


def test_exceptions_that_differ_only_in_their_message_are_rate_limited_together(
    frozen_time: FrozenDateTimeFactory,
) -> None:
    lines = through(FloodFilter(30), *(failure(ValueError(f"host {number}")) for number in range(1000)))

    assert len(lines) == 1


def test_different_errors_are_rate_limited_separately(frozen_time: FrozenDateTimeFactory) -> None:
    lines = through(FloodFilter(30), record(), record(message="another", line=2), record())

    assert [line["message"] for line in lines] == ["failed", "another"]


def test_messages_that_are_formatted_before_they_are_logged_are_rate_limited_too(
    frozen_time: FrozenDateTimeFactory,
) -> None:
    flood = FloodFilter(quiet_s=30)

    lines = through(flood, *(record(message=f"host {number} is not allowed") for number in range(1000)))

    assert [line["message"] for line in lines] == ["host 0 is not allowed"]


def test_messages_with_different_arguments_count_as_the_same(frozen_time: FrozenDateTimeFactory) -> None:
    records = [logging.Logger("a").makeRecord("a", 40, "file.py", 1, "%d failed", (number,), None) for number in (1, 2)]

    assert [line["message"] for line in through(FloodFilter(30), *records)] == ["1 failed"]


def test_warnings_of_most_loggers_are_not_rate_limited(frozen_time: FrozenDateTimeFactory) -> None:
    assert len(through(FloodFilter(30), *(record(logging.WARNING) for _ in range(3)))) == 3


@pytest.mark.parametrize("logger", ["opentelemetry.sdk.trace", "grpc._cython.cygrpc"])
def test_warnings_of_a_logger_that_may_warn_per_request_or_batch_are_rate_limited(
    frozen_time: FrozenDateTimeFactory, logger: str
) -> None:
    assert len(through(FloodFilter(30), *(record(logging.WARNING, name=logger) for _ in range(3)))) == 1


def test_different_messages_from_one_line_of_code_are_rate_limited_together(frozen_time: FrozenDateTimeFactory) -> None:
    flood = FloodFilter(30)
    through(flood, *(record(message=f"failed {number}") for number in range(2000)))

    frozen_time.tick(31)
    [passed] = through(flood, record())

    assert passed["held_back"] == 1999


@pytest.mark.processes
def test_a_service_started_on_a_terminal_prints_human_readable_lines() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        lines = on_a_terminal(serve_command(port), environment(port)).splitlines()

    taken_line = next(line for line in lines if "cannot listen" in line)
    message = rf"cannot listen on 127\.0\.0\.1 port {port}: address already in use"
    assert re.fullmatch(rf"\d\d:\d\d:\d\d\.\d{{3}} error {re.escape('[Errno 98] ')}{message}", taken_line)


def on_a_terminal(command: list[str], variables: dict[str, str]) -> str:
    """The terminal output of a process that ends by itself."""
    master, slave = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=slave, stderr=slave) as process:  # noqa: S603
        os.close(slave)
        try:
            process.wait(START_S)
            return os.read(master, 65536).decode()
        finally:
            process.kill()
            os.close(master)
