"""Counts the instructions of a request with valgrind: python -m bench.instructions [connect | events]

Unlike times, counts are nearly the same in each run, even on a busy machine.

  connect  counts whole processes with real sockets, in user space: the floor, the service without and with traces, and
           a request that the service refuses because its limit is reached. Takes two minutes
  events   compares each event with connect, in one process without a server. Calls to other services are answered
           inside the process, so only the service's own work is counted. bench.events measures the CPU time of
           everything instead. Takes ten minutes
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from google.protobuf.message import Message

from bench.events import FACTS, POLICY, ROWS
from bench.parts.backends import GRANTED, SAID
from bench.parts.counted import count_in, per_request, require_valgrind
from bench.parts.identity import YES
from bench.parts.load import NO_SHEDDING, TOKEN
from bench.parts.processes import LOOPBACK, OURS, ROOT, BenchError, identity, sink, uvicorn_of
from centrifugo_proxy.peers import grpc_call
from centrifugo_proxy.protocol.codes import path_of
from centrifugo_proxy.protocol.guard import TOKEN_HEADER
from realtime_site import boot
from tools.ports import free_port

REQUESTS: Final = 1000
WARM_UP: Final = 50
ANSWERS: Final = {
    method: message.SerializeToString()
    for method, message in {"Validate": YES, "Refresh": YES, "Authorize": GRANTED, "Call": SAID}.items()
}


def run(requests: int) -> dict[str, float]:
    """The instructions per request, for each row. The count of a run without requests is subtracted from the count of a
    run with requests. Raises BenchError.
    """
    require_valgrind()
    with environment() as variables:
        return {
            name: (collected(name, requests, variables) - collected(name, 0, variables)) / requests for name in ROWS
        }


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """The variables of a service that answers every event. No peer is called, so nothing listens at their addresses."""
    nobody = f"{LOOPBACK}:1"
    with TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.toml"
        policy.write_text(POLICY)
        yield {
            **{key: value for key, value in os.environ.items() if not key.startswith(OURS)},
            "PYTHONHASHSEED": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "",
            "LOG_LEVEL": "error",
            "IDENTITY_VALIDATE_GRPC_ADDRESS": nobody,
            "FAMILY_SERVICE_GRPC_ADDRESS": nobody,
            "RPC_BACKENDS": f"diary={nobody}",
            "CHANNEL_POLICY_PATH": str(policy),
            "CENTRIFUGO_PROXY_TOKEN": TOKEN,
        }


def collected(name: str, requests: int, variables: dict[str, str]) -> int:
    """The instructions of a process that answers WARM_UP requests of this row, and then `requests` more.

    Raises BenchError.
    """
    count = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [*count, sys.executable, "-m", "bench.instructions", "--answer", name, "--requests", str(requests)]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise BenchError(f"{name} was not counted. The end of its output:\n{ended.stderr[-3000:]}")
    return count_in(name, ended.stderr)


async def answer(name: str, requests: int) -> None:
    """Send WARM_UP and then `requests` requests of this row to the service. Raises BenchError."""
    boot.configure()
    from django.conf import settings  # noqa: PLC0415  (these four need a configured Django)

    from fallback.loaded import loaded_pool  # noqa: PLC0415
    from realtime_site.lifespan import open_runtime  # noqa: PLC0415
    from realtime_site.serving.handler import LeanHandler  # noqa: PLC0415

    grpc_call.ObservedCall.send = answered_at_once  # type: ignore[method-assign]
    event, fields, _ = ROWS[name]
    body = json.dumps({**FACTS, **fields}, separators=(",", ":")).encode()
    async with open_runtime(settings, loaded_pool()) as runtime:
        handler = LeanHandler()
        for number in range(WARM_UP + requests):
            if await post(handler, runtime, event, body) != 200:
                raise BenchError(f"Request {number} of {name} was not answered with 200.")


async def answered_at_once(self: Any, request: Message, metadata: Any) -> Any:
    """Replaces a gRPC call. It encodes the request and decodes a constant response, but sends nothing."""
    request.SerializeToString()
    if self.peer.capacity:
        self.peer.capacity.leave()
    return self.response.FromString(ANSWERS[self.called.method])


async def post(handler: Any, runtime: Any, event: str, body: bytes) -> int:
    """Send a request to the handler. Returns the status of the answer."""
    headers = [
        (b"host", LOOPBACK.encode()),
        (b"content-type", b"application/json"),
        (TOKEN_HEADER, TOKEN.encode()),
    ]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path_of(event),
        "query_string": b"", "root_path": "", "headers": headers, "state": {"runtime": runtime},
    }  # fmt: skip
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status"))

    await handler(scope, receive, send)
    return int(statuses[0] or 0)


def run_connect(requests: int) -> dict[str, float]:
    """The instructions per connect of whole processes, by row. Raises BenchError."""
    require_valgrind()
    with identity() as address, identity(hanging=True) as hanging, sink() as traces:
        bare = {
            "IDENTITY_VALIDATE_GRPC_ADDRESS": address, "IDENTITY_VALIDATE_DEADLINE_MS": "60000",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "", "CENTRIFUGO_PROXY_TOKEN": TOKEN, "PROXY_MAX_INFLIGHT": NO_SHEDDING,
            "LISTEN_HOST": LOOPBACK,
        }  # fmt: skip
        full = {**bare, "OTEL_EXPORTER_OTLP_ENDPOINT": traces, "OTEL_TRACES_SAMPLER_ARG": "1.0"}
        refused = {**bare, "IDENTITY_VALIDATE_GRPC_ADDRESS": hanging, "PROXY_MAX_INFLIGHT": "1"}
        port = free_port()
        counts = {"floor": per_request(uvicorn_of("bench.parts.floor:app", port), port, bare, requests, 200)}
        for name, variables, status in (("bare", bare, 200), ("full", full, 200), ("refused", refused, 503)):
            port = free_port()
            own = {**variables, "LISTEN_PORT": str(port)}
            counts[name] = per_request(["manage.py", "serve"], port, own, requests, status)
    return counts


def connect_table(counts: dict[str, float]) -> str:
    """The counts as a table."""
    lines = [f"{'':10}{'instructions':>14}{'/ floor':>10}{'/ bare':>10}"]
    for name, count in counts.items():
        lines.append(f"{name:10}{count:14,.0f}{count / counts['floor']:10.3f}{count / counts['bare']:10.3f}")
    return "\n".join(lines)


def table(result: dict[str, float]) -> str:
    """The result as a table."""
    lines = [f"{'':25}{'calls':>6}{'instructions':>14}{'/ connect':>11}"]
    for name, count in result.items():
        lines.append(f"{name:25}{ROWS[name][2]:6}{count:14,.0f}{count / result['connect']:11.3f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.instructions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("connect", "events"), nargs="?", default="connect")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="requests of each kind (%(default)s)")
    parser.add_argument(
        "--answer", choices=ROWS, help=argparse.SUPPRESS
    )  # for the process whose instructions are counted
    options = parser.parse_args()
    try:
        if options.answer:
            asyncio.run(answer(options.answer, options.requests))
        elif options.what == "connect":
            sys.stdout.write(connect_table(run_connect(options.requests)) + "\n")
        else:
            sys.stdout.write(table(run(options.requests)) + "\n")
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
