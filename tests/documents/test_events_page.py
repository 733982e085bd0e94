"""Compares docs/events.md with the service's answers and with the output of check_policy."""

import json
import re
import shlex
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from centrifugo_proxy.policy.file import CHANNEL_KEYS, RPC_KEYS
from centrifugo_proxy.policy.rules import Reason
from tests.harness.backends import returns, rpc_backend
from tests.harness.django_settings import Settings
from tests.harness.paths import DOCS
from tests.harness.service import service

PAGE = (DOCS / "events.md").read_text()
POLICY = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
EXAMPLES: list[tuple[str, str, str]] = re.findall(r"```\nPOST (\S+)\n(.*?)```\n```\n200 (.*?)\n```", PAGE, re.DOTALL)
COMMANDS: list[tuple[str, str]] = re.findall(r"```\n\$ manage\.py (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def without_time(text: str) -> str:
    return re.sub(r'"expire_at":\d+', '"expire_at":0', text)


@pytest.mark.parametrize(("path", "body", "answer"), EXAMPLES, ids=range(len(EXAMPLES)))
async def test_each_example_gets_the_answer_on_the_page(policy: Path, path: str, body: str, answer: str) -> None:
    async with (
        rpc_backend(returns(b'{"count": 7}')) as backend,
        service(CHANNEL_POLICY_PATH=str(policy), RPC_BACKENDS={"diary": backend.address}) as running,
    ):
        response = await running.http.post(path, content=body)

    assert (response.status_code, without_time(response.text)) == (200, without_time(answer))


def test_the_page_has_an_example_of_each_event_except_connect() -> None:
    paths = {path for path, _, _ in EXAMPLES}

    events = ("subscribe", "publish", "rpc", "sub_refresh", "refresh")
    assert paths == {f"/centrifugo/{event}" for event in events}


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=range(len(COMMANDS)))
def test_each_command_prints_the_output_on_the_page(
    policy: Path, settings: Settings, command: str, output: str
) -> None:
    settings.RPC_BACKENDS = {"diary": "localhost:50061"}
    printed = StringIO()

    with suppress(SystemExit):
        call_command(*shlex.split(command), stdout=printed)

    assert printed.getvalue() == output


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_page_explains_every_key_of_a_rule() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", section("The policy file"), re.MULTILINE))

    before_a_table = set(
        re.findall(r"^(?:Every|A channel|An rpc) rule must have `(\w+)`", section("The policy file"), re.MULTILINE)
    )
    assert explained | before_a_table == {*CHANNEL_KEYS, *RPC_KEYS}


def test_the_page_explains_every_reason_that_a_client_receives() -> None:
    explained = re.findall(r"^\| 403(?:, temporary)? \| `([^`]+)` \|", section("What a client sees"), re.MULTILINE)

    assert sorted(explained) == sorted(str(reason) for reason in Reason)


def test_the_meta_on_the_page_has_the_fields_that_the_examples_use() -> None:
    shown: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])

    sent = [set(json.loads(body)["meta"]) for _, body, _ in EXAMPLES if '"family_id"' in body]

    assert sent != []
    assert all(fields == set(shown) for fields in sent)
