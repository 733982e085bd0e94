"""The text that `make run` prints: command lines that the user can paste, each with an explanation."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo.people import CHAT
from demo.process import ROOT
from demo.service import GUARD_HEADER, endpoint
from demo.stage import PASTED_TICKETS, WINDOW_MS, Stage

INDENT = "    "  # a line with this prefix is a shell command
Steps = Iterator[tuple[str, str]]
WITHOUT_CENTRIFUGO: Final = (
    "Centrifugo is not available, so the page itself sends the requests that Centrifugo would send. To use\n"
    "Centrifugo, build it with `make centrifugo` (this needs Go, and takes a few minutes), or set CENTRIFUGO_BIN to\n"
    "the path of a binary. Then run `make run` again.\n"
)


def introduction(stage: Stage) -> str:
    """The text that is printed when all parts run."""
    steps = (
        f"{number}. {says}\n{INDENT}{command}\n" for number, (says, command) in enumerate(steps_of(stage), start=1)
    )
    return "\n".join([
        "",
        f"The service listens on {stage.service_url}. Its identity service listens on {stage.identity.address}.",
        f"Its fallback pool is {stage.pool_path}.",
        f"A second service, on {stage.second_url}, has the same pool. The two services share their claims",
        "on fallback tickets, so that each ticket is accepted only once.",
        f"Centrifugo is at {stage.centrifugo_url}." if stage.centrifugo_url else WITHOUT_CENTRIFUGO.rstrip(),
        bridge_line(stage),
        "",
        "Open another terminal in this folder, and paste these lines one after another:",
        "",
        *steps,
        f"This line gets another ticket from identity: {lever_line(stage, 'ticket')} (or …/ticket/child)",
        f"A page with buttons for all this is at {stage.page_url}.",
        "Ctrl-C ends the demonstration.",
    ])  # fmt: skip


def bridge_line(stage: Stage) -> str:
    """The address of Kafka, or the reason why the bridge does not run."""
    if stage.bridge.why_not:
        return f"The bridge does not run: {stage.bridge.why_not}"
    return f"The bridge reads Kafka at {stage.bridge.kafka_address}."


def steps_of(stage: Stage) -> Steps:
    """Pairs of an explanation and a command line to paste."""
    yield from outage_steps(stage)
    if stage.centrifugo_url:
        yield from chat_steps(stage, stage.centrifugo_url)
    if stage.centrifugo_url and stage.bridge.write_event is not None:
        yield from bridge_steps(stage, stage.centrifugo_url)


def outage_steps(stage: Stage) -> Steps:
    """An outage from its beginning to its end, with the requests that Centrifugo would send."""
    first, second = stage.identity.mint(), stage.identity.mint()
    spare, another_spare, third_spare = stage.pool_tickets[:PASTED_TICKETS]
    window_s = WINDOW_MS // 1000
    yield "A ticket is accepted: 200, with the user of the ticket.", connect_line(stage, stage.service_url, first)
    yield (
        "The same ticket is refused the second time: 401, because a ticket is valid for only one connection.",
        connect_line(stage, stage.service_url, first),
    )
    yield "Stop identity.", lever_line(stage, "identity/down")
    yield (
        "Another ticket cannot be redeemed now: 503, so a client tries again later. The outage begins with this call.",
        connect_line(stage, stage.service_url, second),
    )
    yield (
        "The second service detects the outage with a call of its own: 503.",
        connect_line(stage, stage.second_url, second),
    )
    yield (
        f"When the outage has lasted {window_s} seconds, the service becomes degraded. This line shows its health:",
        f"for second in $(seq 0 {window_s + 1}); do curl -sS {stage.service_url}/health; echo; sleep 1; done",
    )
    yield (
        "Now a fallback ticket is accepted: 200, and the connection is marked as degraded.",
        connect_line(stage, stage.service_url, spare),
    )
    yield "The same fallback ticket is refused the second time: 503.", connect_line(stage, stage.service_url, spare)
    if stage.centrifugo_url:
        yield (
            "A client connects through Centrifugo with another fallback ticket. It may not join the chat, because its "
            "user is unknown.",
            client_line(stage, stage.centrifugo_url, f"--ticket={another_spare}"),
        )
    yield (
        "The second service has the same pool, but refuses a ticket that the first service has accepted: 503.",
        connect_line(stage, stage.second_url, spare),
    )
    yield (
        "The second service accepts a fallback ticket that is still unused: 200.",
        connect_line(stage, stage.second_url, third_spare),
    )
    yield (
        "Start identity again. The service notices this within two seconds.",
        f"{lever_line(stage, 'identity/up')}; sleep 2",
    )
    yield (
        "The ticket of line 4 is accepted now: 200, with a real user again.",
        connect_line(stage, stage.service_url, second),
    )
    yield (
        "Both services are healthy: ok, with fewer fallback tickets left. Within about 10 seconds, each service also "
        "subtracts the tickets that the other service has accepted.",
        f"for url in {stage.service_url} {stage.second_url}; do curl -sS $url/health; echo; done",
    )


def chat_steps(stage: Stage, centrifugo_url: str) -> Steps:
    """The chat of a family, and refusals by the rules."""
    yield (
        f"A client connects through Centrifugo with Centrifugo's SDK, and receives its own message in {CHAT}.",
        client_line(stage, centrifugo_url, "parent"),
    )
    yield (
        "Two members of a family receive each other's messages. The neighbour is not a member of this family, and is "
        "refused.",
        client_line(stage, centrifugo_url, "parent child neighbour"),
    )
    yield (
        "A parent locks the child's chat. Within seconds, Centrifugo removes the child from the chat: it refreshes "
        "first the child's connection, and then the subscription.",
        f"(sleep 3; {lever_line(stage, 'lock')}) & {client_line(stage, centrifugo_url, 'parent child --stay=12')}",
    )
    yield "While the lock is on, the child may not join the chat.", client_line(stage, centrifugo_url, "child")
    yield (
        "When the lock is off, the child may join the chat again.",
        f"{lever_line(stage, 'unlock')}; {client_line(stage, centrifugo_url, 'child')}",
    )


def bridge_steps(stage: Stage, centrifugo_url: str) -> Steps:
    """The way of a domain event from Kafka to a client."""
    yield (
        "An event is written to Kafka. The bridge publishes a message with the event's title to the chat.",
        f"(sleep 2; {lever_line(stage, 'event')}) & {client_line(stage, centrifugo_url, 'parent --stay=5')}",
    )


def client_line(stage: Stage, centrifugo_url: str, who: str) -> str:
    """The command for clients that join the chat and print what they receive."""
    return f"{python()} -m demo.client {centrifugo_url} {stage.page_url} {who}"


def python() -> str:
    """The path of the running Python, relative to this folder if possible."""
    path = Path(sys.executable)
    return shlex.quote(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path))


def connect_line(stage: Stage, url: str, ticket: str) -> str:
    """A curl command that sends a connect request like Centrifugo's, and prints the status after the body."""
    body = json.dumps({"data": {"token": ticket}}, separators=(",", ":"))
    headers = ("Content-Type: application/json", f"{GUARD_HEADER}: {stage.guard_token}")
    options = "".join(f" -H {shlex.quote(header)}" for header in headers)
    write_out = shlex.quote(r" %{http_code}\n")
    return f"curl -sS -w {write_out} {endpoint(url, 'connect')}{options} -d {shlex.quote(body)}"


def lever_line(stage: Stage, lever: str) -> str:
    return f"curl -sS -X POST {stage.page_url}/{lever}"
