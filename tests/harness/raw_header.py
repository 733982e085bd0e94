"""Writes a header whose name is not text. Other producers can do that, but confluent_kafka writes str(name)."""

import ctypes
from pathlib import Path

import confluent_kafka
import pytest

VALUE, TOPIC, HEADERS, END = 4, 1, 10, 0  # rd_kafka_vtype_t of librdkafka's rdkafka.h
PRODUCER = 0  # rd_kafka_type_t
SECONDS_30 = 30_000
ERROR_BYTES = 512


def produce_with_header(address: str, topic: str, value: bytes, name: bytes) -> None:
    """Write one record whose only header has this name."""
    library = _library()
    error = ctypes.create_string_buffer(ERROR_BYTES)
    config = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(config, b"bootstrap.servers", address.encode(), error, ERROR_BYTES)
    producer = ctypes.c_void_p(library.rd_kafka_new(PRODUCER, config, error, ERROR_BYTES))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(1))
    library.rd_kafka_header_add(headers, name, len(name), b"x", 1)
    written = library.rd_kafka_producev(
        *(producer, TOPIC, ctypes.c_char_p(topic.encode())),
        *(VALUE, ctypes.c_char_p(value), ctypes.c_size_t(len(value)), HEADERS, headers, END),
    )
    flushed = library.rd_kafka_flush(producer, SECONDS_30)
    library.rd_kafka_destroy(producer)
    assert (written, flushed) == (0, 0)


def _library() -> ctypes.CDLL:
    """The librdkafka in confluent_kafka's wheel."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka*"))
    if not found:
        pytest.skip("confluent_kafka is not installed from a wheel; its librdkafka cannot be found.")
    library = ctypes.CDLL(str(found[0]))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    return library
