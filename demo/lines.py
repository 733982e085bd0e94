"""The lines to paste, and what each of them shows."""

import json
import shlex
from collections.abc import Iterator

from demo.stage import WINDOW_MS, Stage

INDENT = "    "  # a line that starts so is for the shell


def introduction(stage: Stage) -> str:
    """What a newcomer reads once all is up."""
    steps = (
        f"{number}. {says}\n{INDENT}{command}\n" for number, (says, command) in enumerate(steps_of(stage), start=1)
    )
    return "\n".join([
        "",
        f"The service answers Centrifugo on {stage.service_url}; its identity service is {stage.identity.address},",
        f"its fallback pool {stage.pool_path}. Paste these into another terminal, one after the other:",
        "",
        *steps,
        f"More tickets of identity's: curl -sS -X POST {stage.control_url}/ticket",
        "Ctrl-C ends it all.",
    ])  # fmt: skip


def steps_of(stage: Stage) -> Iterator[tuple[str, str]]:
    """What each line shows, and the line."""
    first, second = stage.identity.mint(), stage.identity.mint()
    spare = stage.pool_tickets[0]
    window_s = WINDOW_MS // 1000
    yield "A ticket gets in: 200, and who it belongs to.", connect_line(stage, first)
    yield "The same ticket again is refused: 401, every ticket is good for one connection.", connect_line(stage, first)
    yield "Cut identity off.", lever_line(stage, "identity/down")
    yield (
        "Another ticket cannot be redeemed now: 503, try again later. This starts the outage.",
        connect_line(stage, second),
    )
    yield (
        f"Watch the service turn degraded, when the outage is older than {window_s} seconds.",
        f"for second in $(seq 0 {window_s + 1}); do curl -sS {stage.service_url}/health; echo; sleep 1; done",
    )
    yield "A fallback ticket gets in now: 200, marked as degraded.", connect_line(stage, spare)
    yield "It does so once: 503.", connect_line(stage, spare)
    yield (
        "Bring identity back; the service finds it within two seconds.",
        f"{lever_line(stage, 'identity/up')}; sleep 2",
    )
    yield "The ticket of line 4 gets in: 200, a real user again.", connect_line(stage, second)
    yield "And all is well: ok, one fallback ticket less.", f"curl -sS {stage.service_url}/health; echo"


def connect_line(stage: Stage, ticket: str) -> str:
    """A connect request as Centrifugo sends it, by hand; the status is printed behind the body."""
    body = json.dumps({"data": {"token": ticket}}, separators=(",", ":"))
    headers = ("Content-Type: application/json", f"X-Centrifugo-Proxy-Token: {stage.guard_token}")
    options = "".join(f" -H {shlex.quote(header)}" for header in headers)
    write_out = shlex.quote(r" %{http_code}\n")
    return f"curl -sS -w {write_out} {stage.service_url}/centrifugo/connect{options} -d {shlex.quote(body)}"


def lever_line(stage: Stage, lever: str) -> str:
    return f"curl -sS -X POST {stage.control_url}/{lever}"
