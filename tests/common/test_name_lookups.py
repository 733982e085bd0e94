"""Lookups of host names."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from common.name_lookups import NameLookups
from tests.harness.paths import ROOT
from tests.harness.waiting import until

LOOPBACK = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]
# A program with a client that tries again and again while the name server is silent.
HANGING = """
import asyncio, socket, threading
from bridge.centrifugo.api import open_api
from bridge.delivery.verdicts import Failure
from tests.fallback.claims.claiming import claims_in

async def redis():
    async with claims_in("redis://silent.test", deadline_s=0.05) as claims:
        return [await claims.contact() for _ in range(3)]

async def centrifugo():
    answers = []
    async with open_api("http://silent.test/api", key="k", timeout_s=0.05, requests=1, parallel=True) as api:
        for _ in range(3):
            try:
                await api.check()
            except Failure:
                answers.append(False)
    return answers

socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
"""


class Resolver:
    """A resolver that answers when `answers` is set. `asked` counts its lookups."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = threading.Event()
        self.error: OSError | None = None

    def __call__(self, *arguments: object, **options: object) -> object:
        self.asked += 1
        assert self.answers.wait(20)
        if self.error:
            raise self.error
        return LOOPBACK


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    fake = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    yield fake
    fake.answers.set()


async def test_later_callers_share_a_lookup_that_hangs(resolver: Resolver) -> None:
    names = NameLookups()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(names.addresses("a.test", 1), 0.01)
    resolver.answers.set()

    assert await names.addresses("a.test", 1) == ["127.0.0.1"]
    assert resolver.asked == 1


async def test_after_a_failed_lookup_the_next_caller_starts_a_new_one(resolver: Resolver) -> None:
    names, resolver.error = NameLookups(), socket.gaierror(socket.EAI_AGAIN, "later")
    resolver.answers.set()
    with pytest.raises(socket.gaierror):
        await names.addresses("a.test", 1)
    resolver.error = None

    assert await names.addresses("a.test", 1) == ["127.0.0.1"]
    assert resolver.asked == 2


async def test_the_late_failure_of_a_lookup_without_callers_is_not_logged(
    resolver: Resolver, caplog: pytest.LogCaptureFixture
) -> None:
    names, resolver.error = NameLookups(), socket.gaierror(socket.EAI_AGAIN, "later")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(names.addresses("a.test", 1), 0.01)
    resolver.answers.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)

    assert caplog.messages == []


@pytest.mark.processes
@pytest.mark.parametrize("client", ["redis", "centrifugo"])
def test_a_process_can_exit_while_the_lookup_of_its_server_hangs(client: str) -> None:
    command = [sys.executable, "-c", f"{HANGING}print(asyncio.run({client}()))"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[False, False, False]\n", "")
