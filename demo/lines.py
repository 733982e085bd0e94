"""The lines to paste, each with what it shows."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo.people import CHAT
from demo.process import ROOT
from demo.stage import PASTED_TICKETS, WINDOW_MS, Stage

INDENT = "    "  # a line with this prefix is for the shell
Steps = Iterator[tuple[str, str]]
WITHOUT_CENTRIFUGO: Final = (
    "There is no Centrifugo here, and so no client that connects through one: `make centrifugo` builds it, with Go,\n"
    "in a few minutes, and CENTRIFUGO_BIN names another. Then start this again.\n"
)


def introduction(stage: Stage) -> str:
    """The text that is printed once everything runs."""
    steps = (
        f"{number}. {says}\n{INDENT}{command}\n" for number, (says, command) in enumerate(steps_of(stage), start=1)
    )
    return "\n".join([
        "",
        f"The service answers Centrifugo on {stage.service_url}; its identity service is {stage.identity.address},",
        f"its fallback pool {stage.pool_path}. A second one, on {stage.second_url}, has the same pool, and",
        "shares its claims: a fallback ticket is usable once at the two.",
        f"Centrifugo is at {stage.centrifugo_url}." if stage.centrifugo_url else WITHOUT_CENTRIFUGO.rstrip(),
        bridge_line(stage),
        "",
        "Paste these into another terminal, in this folder, one after the other:",
        "",
        *steps,
        f"More tickets of identity's: {lever_line(stage, 'ticket')} (or …/ticket/child)",
        f"The page that shows all this, with buttons, is {stage.page_url}.",
        "Ctrl-C ends it all.",
    ])  # fmt: skip


def bridge_line(stage: Stage) -> str:
    """Where Kafka is, or why the bridge does not run."""
    if stage.bridge.why_not:
        return f"The bridge does not run: {stage.bridge.why_not}"
    return f"The bridge reads Kafka at {stage.bridge.kafka_address}."


def steps_of(stage: Stage) -> Steps:
    """Each line to paste, below what it shows."""
    yield from outage_steps(stage)
    if stage.centrifugo_url:
        yield from chat_steps(stage, stage.centrifugo_url)
    if stage.centrifugo_url and stage.bridge.write_event is not None:
        yield from bridge_steps(stage, stage.centrifugo_url)


def outage_steps(stage: Stage) -> Steps:
    """An outage from beginning to end, as Centrifugo sees it."""
    first, second = stage.identity.mint(), stage.identity.mint()
    spare, another_spare, third_spare = stage.pool_tickets[:PASTED_TICKETS]
    window_s = WINDOW_MS // 1000
    yield "A ticket gets in: 200, and who it belongs to.", connect_line(stage, stage.service_url, first)
    yield (
        "The same ticket again is refused: 401, every ticket is good for one connection.",
        connect_line(stage, stage.service_url, first),
    )
    yield "Cut identity off.", lever_line(stage, "identity/down")
    yield (
        "Another ticket cannot be redeemed now: 503, try again later. This starts the outage.",
        connect_line(stage, stage.service_url, second),
    )
    yield "The second service sees the outage by a call of its own: 503.", connect_line(stage, stage.second_url, second)
    yield (
        f"Watch the service turn degraded, when the outage is older than {window_s} seconds.",
        f"for second in $(seq 0 {window_s + 1}); do curl -sS {stage.service_url}/health; echo; sleep 1; done",
    )
    yield "A fallback ticket gets in now: 200, marked as degraded.", connect_line(stage, stage.service_url, spare)
    yield "It does so once: 503.", connect_line(stage, stage.service_url, spare)
    if stage.centrifugo_url:
        yield (
            "A client with another one connects through Centrifugo, but is let into no chat: nobody knows who it is.",
            client_line(stage, stage.centrifugo_url, f"--ticket={another_spare}"),
        )
    yield (
        "The second service has the same ticket in its pool, and refuses it: 503, it was used at the first one.",
        connect_line(stage, stage.second_url, spare),
    )
    yield "A ticket that was used nowhere gets in there: 200.", connect_line(stage, stage.second_url, third_spare)
    yield (
        "Bring identity back; the service finds it within two seconds.",
        f"{lever_line(stage, 'identity/up')}; sleep 2",
    )
    yield "The ticket of line 4 gets in: 200, a real user again.", connect_line(stage, stage.service_url, second)
    yield (
        "And all is well at both: ok, with fewer fallback tickets. The second one knows of all that were used.",
        f"for url in {stage.service_url} {stage.second_url}; do curl -sS $url/health; echo; done",
    )


def chat_steps(stage: Stage, centrifugo_url: str) -> Steps:
    """A family's chat, and what keeps others out."""
    yield (
        f"A client connects through Centrifugo, with its SDK, and talks to itself in {CHAT}.",
        client_line(stage, centrifugo_url, "parent"),
    )
    yield (
        "Two members of the family hear each other; the neighbour, of another family, gets nowhere.",
        client_line(stage, centrifugo_url, "parent child neighbour"),
    )
    yield (
        "A parent locks the child's chat, who is put out within seconds: when the connection is looked at again, and "
        "then the subscription.",
        f"(sleep 3; {lever_line(stage, 'lock')}) & {client_line(stage, centrifugo_url, 'parent child --stay=12')}",
    )
    yield "Locked out from the start, now.", client_line(stage, centrifugo_url, "child")
    yield (
        "And in again, once the lock is off.",
        f"{lever_line(stage, 'unlock')}; {client_line(stage, centrifugo_url, 'child')}",
    )


def bridge_steps(stage: Stage, centrifugo_url: str) -> Steps:
    """An event of the domain, from Kafka to a client."""
    yield (
        "An event is written to Kafka; the bridge publishes what its route names of it, and the chat hears it.",
        f"(sleep 2; {lever_line(stage, 'event')}) & {client_line(stage, centrifugo_url, 'parent --stay=5')}",
    )


def client_line(stage: Stage, centrifugo_url: str, who: str) -> str:
    """The command for clients that join the chat and print what they receive."""
    return f"{python()} -m demo.client {centrifugo_url} {stage.page_url} {who}"


def python() -> str:
    """The Python that runs this, relative to this folder if possible."""
    path = Path(sys.executable)
    return shlex.quote(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path))


def connect_line(stage: Stage, url: str, ticket: str) -> str:
    """A curl command for a connect request as Centrifugo sends it; it prints the status after the body."""
    body = json.dumps({"data": {"token": ticket}}, separators=(",", ":"))
    headers = ("Content-Type: application/json", f"X-Centrifugo-Proxy-Token: {stage.guard_token}")
    options = "".join(f" -H {shlex.quote(header)}" for header in headers)
    write_out = shlex.quote(r" %{http_code}\n")
    return f"curl -sS -w {write_out} {url}/centrifugo/connect{options} -d {shlex.quote(body)}"


def lever_line(stage: Stage, lever: str) -> str:
    return f"curl -sS -X POST {stage.page_url}/{lever}"
