"""Hostile bytes sent to a real process: its memory stays bounded, and each caller gets an answer or is disconnected."""

import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.harness.processes import Process, serving_from_cold
from tests.harness.raw_socket import open_sockets, raw_socket, rss_kib, statuses

pytestmark = pytest.mark.processes

TOKEN = "a-made-up-token"
BODY = b'{"data": {"token": ""}}'
GOOD = b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n"
CLOSING = b"GET /health/live HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"
CHUNKED = b"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nTransfer-Encoding: chunked\r\n"
KIB = 1024


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """A service with a guard that requires a token."""
    with serving_from_cold(CENTRIFUGO_PROXY_TOKEN=TOKEN, LOG_LEVEL="error") as process:
        yield process


def exchange(process: Process, *parts: bytes) -> bytes:
    """The service's answer to these bytes, until it closes the connection."""
    with raw_socket(process) as client:
        for part in parts:
            client.send(part)
        return client.read_to_end()


def reset_at_close(client: socket.socket) -> None:
    """Make the close of this socket reset the connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_trailers_and_chunk_extensions_are_limited(process: Process) -> None:
    warm = exchange(process, CHUNKED + b"\r\n0\r\n" + b"a: b\r\n" * 300)
    before = rss_kib(process)

    one_long = exchange(process, CHUNKED + b"\r\n0\r\na: ", b"x" * 8_000_000)
    many = exchange(process, CHUNKED + b"\r\n0\r\n", b"a: b\r\n" * 500_000)
    extension = exchange(process, CHUNKED + b"\r\n1;", b"x" * 8_000_000)

    assert [statuses(answer) for answer in (warm, one_long, many, extension)] == [[431]] * 4
    assert rss_kib(process) - before < 2 * KIB


def test_the_guard_ignores_trailers(process: Process) -> None:
    body = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    token = b"X-Centrifugo-Proxy-Token: %b\r\n" % TOKEN.encode()
    close = b"Connection: close\r\n"

    in_trailer = exchange(process, CHUNKED + close + b"\r\n" + body + token + b"\r\n")
    declared = exchange(
        process, CHUNKED + close + b"Trailer: X-Centrifugo-Proxy-Token\r\n\r\n" + body + token + b"\r\n"
    )
    in_head = exchange(process, CHUNKED + close + token + b"\r\n" + body + b"\r\n")

    assert [statuses(answer) for answer in (in_trailer, declared, in_head)] == [[403], [403], [401]]


UNSUPPORTED = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    "websocket": b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "unknown": b"Connection: keep-alive, Upgrade\r\nUpgrade: TLS/1.0, something/2\r\n",
    "expectation": b"Expect: the-unexpected\r\n",
}


@pytest.mark.parametrize("name", UNSUPPORTED)
@pytest.mark.parametrize("framing", ["length", "chunked", "none"])
@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_unsupported_features_are_ignored_and_the_next_request_is_answered(
    process: Process, name: str, framing: str, pieces: int
) -> None:
    head = b"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nX-Centrifugo-Proxy-Token: %b\r\n" % TOKEN.encode()
    body = {
        "length": b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-T: t\r\n\r\n" % (len(BODY), BODY),
        "none": b"\r\n",
    }[framing]
    sent = head + UNSUPPORTED[name] + body + GOOD + head + UNSUPPORTED[name] + body + CLOSING
    size = -(-len(sent) // pieces)

    answer = exchange(process, *(sent[start : start + size] for start in range(0, len(sent), size)))

    expected = 400 if framing == "none" else 401  # an empty body is a bad request, and an empty ticket is invalid
    assert statuses(answer) == [expected, 200, expected, 200]


@pytest.mark.parametrize("expectation", [b"100-continue", b"100-Continue"])
def test_100_continue_is_sent_before_the_body_if_the_client_expects_it(process: Process, expectation: bytes) -> None:
    with raw_socket(process) as client:
        client.send(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: %b\r\nContent-Length: 2\r\n\r\n" % expectation)
        interim = client.socket.recv(1000)
        client.send(b"{}")
        final = client.answer()

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert final[0] == 404


@pytest.mark.parametrize("expectation", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("length", [b"65537", b"18446744073709551615", b"0" * 5000 + b"65537"])
def test_a_body_whose_head_announces_too_large_a_size_is_refused_before_it_arrives(
    process: Process, length: bytes, expectation: bytes
) -> None:
    head = b"POST /centrifugo/connect HTTP/1.1\r\nHost: a\r\n%bContent-Length: %b\r\n\r\n" % (expectation, length)

    answer = exchange(process, head)

    assert statuses(answer) == [413]


@pytest.mark.parametrize("length", [b"65536", b"0" * 5000 + b"65536"])
def test_a_body_of_the_largest_accepted_size_is_read(process: Process, length: bytes) -> None:
    head = b"POST /centrifugo/connect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"

    answer = exchange(process, head + b"Content-Length: %b\r\n\r\n" % length, b" " * 65536)

    assert statuses(answer) == [100, 403]


def test_a_caller_that_resets_its_connection_while_it_expects_100_continue_causes_no_error(process: Process) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\n"
    sent = head + b"Content-Length: 2\r\n\r\n{}" + head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    before = open_sockets(process)

    process.popen.send_signal(signal.SIGSTOP)  # so that requests and resets arrive together
    for _ in range(20):
        with raw_socket(process) as client:
            client.send(sent)
            reset_at_close(client.socket)
    process.popen.send_signal(signal.SIGCONT)

    assert exchange(process, CLOSING).startswith(b"HTTP/1.1 200 OK")
    assert wait_for(lambda: open_sockets(process) <= before)
    assert "Exception in ASGI application" not in process.stderr()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.0\r\n\r\n", 200),
        (b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.1\r\nHost: [::1]:9730\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health/live HTTP/1.1\r\nHost: a_b.example.:9730\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health/live HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health/live#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /health/live?a#/../metrics HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /health/live\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /health%2Flive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET /%68ealth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET http://other/%2Fhealth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"POST /centrifugo%2Fconnect HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET http://other/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health/live?a=%2F HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
        (b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 127 + b"Connection: close\r\n\r\n", 431),
        (b"\r\n" * 20_000, 431),
    ],
)
def test_each_unusual_or_invalid_head_gets_the_expected_status(process: Process, head: bytes, status: int) -> None:
    answer = exchange(process, head)

    assert statuses(answer) == [status]
    assert b"\r\nconnection: close\r\n" in answer


def test_errors_have_a_short_json_body(process: Process) -> None:
    head, _, body = exchange(process, b"nonsense\r\n\r\n").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n")
    assert body == b'{"error":{"code":400,"message":"malformed request"}}'


def test_pipelined_requests_are_answered_in_order_before_a_malformed_one_is_refused(process: Process) -> None:
    order = [b"/health/live", b"/nowhere", b"/health/ready", b"/centrifugo/connect"]
    sent = b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in order * 100) + b"nonsense\r\n\r\n"

    answer = exchange(process, sent)

    assert statuses(answer) == [200, 404, 200, 405] * 100 + [400]


@pytest.mark.parametrize("path", [b"/health/live", b"/centrifugo/connect"])
def test_a_client_that_has_closed_its_sending_side_gets_its_answers(process: Process, path: bytes) -> None:
    with raw_socket(process) as client:
        client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path * 3)
        client.socket.shutdown(socket.SHUT_WR)
        answer = client.read_to_end()

    assert statuses(answer) == [200 if path == b"/health/live" else 405] * 3


def test_a_flood_of_pipelined_requests_does_not_hold_up_another_client(process: Process) -> None:
    slowest = 0.0
    with ExitStack() as stack, raw_socket(process) as client:
        for _ in range(40):
            flooding = stack.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            flooding.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    flooding.send(GOOD * 1000)
        for _ in range(50):
            started = time.monotonic()
            client.send(GOOD)
            assert client.answer()[0] == 200
            slowest = max(slowest, time.monotonic() - started)

    assert slowest < 5


def test_reset_connections_are_released(process: Process) -> None:

    def connect_and_reset(count: int) -> None:
        for _ in range(count // 100):
            clients = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(100)]
            for number, client in enumerate(clients):
                client.sendall((GOOD, GOOD[:20], b"", CHUNKED + b"\r\n5\r\n")[number % 4])
            for client in clients:
                reset_at_close(client)
                client.close()

    connect_and_reset(1000)
    assert wait_for(lambda: open_sockets(process) < 20)
    before = rss_kib(process)

    connect_and_reset(2000)

    assert wait_for(lambda: open_sockets(process) < 20)
    assert rss_kib(process) - before < 2000  # less than one KiB for each connection
