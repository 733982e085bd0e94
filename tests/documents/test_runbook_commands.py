"""Runs the `sh` blocks of docs/runbook.md in order, against a pod in an outage. Also checks the runbook's queries."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
import yaml

from tests.documents.runbook import RUNBOOK
from tests.documents.test_alerts import needs_promtool, promtool
from tests.harness.fake_cluster import Cluster
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import environment
from tools.ports import free_port

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed; commands of the runbook use it"),
]
TICKETS = [f"ticket-{number}" for number in range(40)]


def blocks(language: str) -> list[str]:
    """The fenced blocks of this language, in order, without their indentation."""
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL)
    return [dedent(indent + body) if not indent else dedent(body) for indent, body in fenced]


@contextmanager
def pod_in_an_outage(folder: Path) -> Iterator[Cluster]:
    """A pod that has accepted a client with a fallback ticket, because identity does not answer."""
    cluster, pool = Cluster(folder), folder / "pool"
    pool.write_text("\n".join(TICKETS))
    pool.chmod(0o600)
    cluster.create(
        environment(
            free_port(),
            IDENTITY_VALIDATE_GRPC_ADDRESS=f"127.0.0.1:{free_port()}",
            IDENTITY_VALIDATE_DEADLINE_MS="50",
            FALLBACK_DEGRADED_WINDOW_MS="50",
            IDENTITY_PROBE_INTERVAL_MS="100",
            FALLBACK_TICKETS_PATH=str(pool),
        )
    )
    try:
        cluster.run("kubectl rollout restart deployment/realtime-service")
        cluster.wait_until_ready()
        while not accepts(cluster):
            pass
        yield cluster
    finally:
        cluster.stop()


def accepts(cluster: Cluster) -> bool:
    body = {"data": {"token": TICKETS[0]}}
    return (
        httpx.post(f"{cluster.url}/centrifugo/connect", json=body, timeout=10, verify=NO_CERTIFICATES).status_code
        == 200
    )


def pasted(cluster: Cluster, commands: str) -> str:
    """The commands, with this pod's address instead of the cluster's."""
    port = cluster.variables["LISTEN_PORT"]
    return commands.replace("realtime-service-pods:9730", f"127.0.0.1:{port}").replace("9730", port)


def test_every_sh_block_of_the_runbook_exits_as_expected_and_the_output_shows_the_outage(tmp_path: Path) -> None:
    output = {}
    with pod_in_an_outage(tmp_path) as cluster:
        for commands in blocks("sh"):
            ended = cluster.run(pasted(cluster, commands))
            assert ended.returncode in expected_codes(commands), (commands, ended.stdout, ended.stderr)
            output[commands] = ended.stdout

    printed = {word: [text for commands, text in output.items() if word in commands] for word in WORDS}
    assert printed["manage.py pods"][0].startswith(
        "PODS WARNING: 1 of 1 pod answers, 1 in an outage, 1 short of tickets."
    )
    health = json.loads(printed["/health"][0])
    assert health["identity_outage"]["degraded"] is True
    assert {part: set(health[part]) >= set(shown) for part, shown in example_of_health().items()} == {
        "identity_outage": True, "fallback_pool": True
    }  # fmt: skip
    assert grows(printed["for look"][0], "UNAVAILABLE")
    assert "FALLBACK POOL WARNING: 39 tickets" in printed["--url"][0]
    [new_pool] = printed["--path"]
    assert new_pool.startswith("FALLBACK POOL OK: 5000 tickets.\n")
    assert printed["rollout restart"][0].startswith("FALLBACK POOL OK: 5000 tickets.")
    assert not (tmp_path / "fallback.tickets").exists()


def example_of_health() -> dict[str, dict[str, object]]:
    """The objects in the answer of /health that the runbook shows."""
    (line,) = [line for line in RUNBOOK.read_text().splitlines() if line.startswith('{"status":')]
    return {part: shown for part, shown in json.loads(line).items() if isinstance(shown, dict)}


WORDS = ("manage.py pods", "/health", "for look", "--url", "--path", "rollout restart")


def expected_codes(commands: str) -> set[int]:
    """{1} for blocks that warn about the outage or about this pod's few tickets, {0} for the others."""
    warns = "manage.py pods" in commands or "manage.py check_fallback_pool --url" in commands
    return {1} if warns and "rollout" not in commands else {0}


def grows(text: str, code: str) -> bool:
    """True if the second count of this gRPC status is higher than the first."""
    first, second = re.findall(rf'realtime_identity_calls_total{{code="{code}"}} (\S+)', text)
    return float(second) > float(first)


@needs_promtool
def test_prometheus_can_parse_every_query_of_the_runbook(tmp_path: Path) -> None:
    queries = blocks("promql")
    rules = [{"record": f"query{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbook", "rules": rules}]}))

    ended = promtool("check", "rules", str(file))

    assert len(queries) >= 4
    assert ended.returncode == 0, ended.stdout + ended.stderr
