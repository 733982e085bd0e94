"""Logging: one JSON object per line, WARN and above to stderr; human-readable lines on a terminal."""

import json
import logging
import sys
import time
from datetime import datetime
from typing import Any, Final

from pythonjsonlogger.orjson import OrjsonFormatter

from common.log_output import QueuedHandler
from common.printable import printable, printable_json, printable_lines
from common.repetition import ClosedFault, Repetition
from common.timestamps import rfc3339

TRACE: Final = 5
LEVELS: Final = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}
NAMES: Final = {number: name for name, number in reversed(LEVELS.items())}
QUIET_S: Final = 30.0
REPEATING: Final = ("bridge.kafka", "opentelemetry", "asyncio", "grpc", "uvicorn.error")


def configuration(level: str, *, human: bool) -> dict[str, Any]:
    """Django's LOGGING for this level. uvicorn's and Django's loggers write to the same two streams."""
    through: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": HumanFormatter if human else JsonFormatter}},
        "filters": {"below_warning": {"()": BelowWarning}, "flood": {"()": FloodFilter, "quiet_s": QUIET_S}},
        "handlers": {
            "stdout": _stream(1, ["below_warning"]),
            "stderr": {**_stream(2, ["flood"]), "level": "WARNING"},
        },
        "root": {"handlers": ["stdout", "stderr"], "level": LEVELS[level]},
        "loggers": {
            "uvicorn": through,
            # If the port is in use, this logger has an error line. The line must be visible at every LOG_LEVEL.
            "uvicorn.error": {**through, "level": min(LEVELS[level], logging.ERROR)},
            # Without a handler, uvicorn does not format access lines, which saves time.
            "uvicorn.access": {"handlers": [], "propagate": False},
            # This logger's warnings quote a malformed tracestate, which is text from a caller or from an event.
            "opentelemetry.trace.span": {**through, "level": max(LEVELS[level], logging.ERROR)},
            # This logger's warnings and debug lines quote the collector's URL, whose query may contain a key. Our
            # exporter logs its own warnings.
            "urllib3": {**through, "level": max(LEVELS[level], logging.ERROR)},
            "django": through,
            # A line per refused request could fill a disk; the metrics count these requests.
            "django.request": {**through, "level": "CRITICAL"},
            "django.security": {**through, "level": "CRITICAL"},
        },
    }


def _stream(descriptor: int, filters: list[str]) -> dict[str, Any]:
    return {"()": QueuedHandler, "descriptor": descriptor, "formatter": "line", "filters": filters}


class BelowWarning(logging.Filter):
    """Keeps warnings and errors off stdout, because they go to stderr."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


class FloodFilter(logging.Filter):
    """Lets one line per case pass in `quiet_s` seconds. The next line has the number of suppressed lines.

    The filter limits errors, and loggers that may write a line per request or batch. Other warnings are rare: all pass.

    A case is the place in the code that logs. If the line has an exception, the case also includes the exception's type
    and the place that raised it. If the exception is a ClosedFault, the case also includes the messages
    of the line and of the exception.
    """

    def __init__(self, quiet_s: float) -> None:
        super().__init__()
        self._repetition = Repetition(quiet_s)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR and not record.name.startswith(REPEATING):
            return True
        place = (record.pathname, record.lineno)  # not the message: some libraries format it before they log
        fault = record.exc_info[1] if record.exc_info else None
        messages = (record.getMessage(), str(fault)) if isinstance(fault, ClosedFault) else ()
        case = (place, type(fault), _raised_at(fault), messages)
        count = self._repetition.due(case, time.monotonic())
        if count > 1:
            record.held_back = count - 1
        return count > 0


def _raised_at(fault: BaseException | None) -> tuple[str, int]:
    """The file and the line that raised this exception; ("", 0) if it was not raised."""
    traceback = fault and fault.__traceback__
    if not traceback:
        return "", 0
    while traceback.tb_next:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_filename, traceback.tb_lineno


class JsonFormatter(OrjsonFormatter):
    """Fields: timestamp (RFC 3339, UTC), level, logger, message, the record's extra fields, the current span's ids."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data["timestamp"] = rfc3339(record.created)
        log_data["level"] = NAMES.get(record.levelno, record.levelname.lower())
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)
        log_data.pop("color_message", None)  # uvicorn's field, with terminal codes
        log_data.update(_span_ids())

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        """JSON without unprintable characters. Lone surrogates, as in a path that is not UTF-8, are escaped."""
        try:
            return printable_json(super().serialize_log_record(log_data))
        except TypeError:
            return json.dumps(log_data, default=str)


class HumanFormatter(logging.Formatter):
    """For a terminal: time, level, message, and the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        time_of_day = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        level = NAMES.get(record.levelno, record.levelname.lower())
        extra = _extra(record)
        if "given" in extra:
            extra.pop("settings", None)  # they would fill the terminal
        fields = " ".join(f"{name}={value}" for name, value in extra.items())
        line = printable(f"{time_of_day} {level:<5} {record.getMessage()} {fields}".rstrip())
        return f"{line}\n{printable_lines(self.formatException(record.exc_info))}" if record.exc_info else line


_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}


def _span_ids() -> dict[str, str]:
    """The ids of the current span; {} if there is none. If tracing is off, OpenTelemetry is not imported."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    span = trace and trace.get_current_span().get_span_context()
    if not span or not span.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}
