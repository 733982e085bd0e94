"""One stack a configuration for all tests, in one event loop; skipped, saying so, without a Centrifugo."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from tests.e2e.family import FamilyStack, family_stack
from tests.e2e.rest import SOCKETS, Rested, rest
from tests.e2e.stack import Stack, stack
from tests.harness import centrifugo
from tests.harness.backends import grants, returns
from tests.harness.identity import aborts

HERE = Path(__file__).parent
WHY_SKIPPED = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests here, so that they can share stacks.

    They come in one block, after all others: the loop stands still while tests outside of it run, and stacks with it.
    The one that waits for rest comes last.
    """
    shared_loop = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(HERE) and is_async_test(item):
            item.add_marker(shared_loop, append=False)
    items.sort(key=lambda item: (item.path.is_relative_to(HERE), wakes_the_rested(item)))


def wakes_the_rested(item: pytest.Item) -> bool:
    return item.path == HERE / "test_rested_connections.py"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if why := config.stash.get(WHY_SKIPPED, ""):
        terminalreporter.write_line(f"NOT RUN: the tests with a real Centrifugo. {why}")


def build_log() -> str:
    return centrifugo.BUILD_LOG.read_text() if centrifugo.BUILD_LOG.exists() else ""


@pytest.fixture(scope="session")
def centrifugo_bin(pytestconfig: pytest.Config) -> Path:
    """The Centrifugo to test with. CI may go without one only when the module mirror refused its source."""
    if found := centrifugo.binary():
        return found
    why = "There is none: `make centrifugo` builds it with Go, and CENTRIFUGO_BIN names another."
    if centrifugo.refused_by_mirror(build_log()):
        why = "The module mirror refused to hand out its source."
    elif os.environ.get("CI") == "true":
        pytest.fail(f"{why} Here it must not be missing.\n{build_log()}", pytrace=False)
    pytestconfig.stash[WHY_SKIPPED] = why
    pytest.skip(why)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http_stack(centrifugo_bin: Path) -> AsyncIterator[Stack]:
    """Response mode `http`, behind the guard that stock Centrifugo can satisfy."""
    async with stack(centrifugo_bin, CENTRIFUGO_PROXY_TOKEN=secrets.token_hex(16)) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def envelope_stack(centrifugo_bin: Path) -> AsyncIterator[Stack]:
    """Response mode `envelope`, without a guard, and with one field shown to others."""
    async with stack(
        centrifugo_bin, CENTRIFUGO_RESPONSE_MODE="envelope", CENTRIFUGO_INFO_FIELDS="subscription_tier"
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_family(centrifugo_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FamilyStack]:
    """All events by a policy, in response mode `http` and behind the guard."""
    async with family_stack(centrifugo_bin, tmp_path_factory.mktemp("family")) as running:
        yield running


@pytest.fixture
def family(shared_family: FamilyStack) -> FamilyStack:
    """The same, with identity, family service and backend as they were at the start."""
    shared_family.identity.refresh_script = aborts(grpc.StatusCode.UNIMPLEMENTED)
    shared_family.family_service.script = grants()
    shared_family.diary.script = returns(b"{}")
    return shared_family


@pytest.fixture
def family_id() -> str:
    """A family of its own for each test."""
    return f"f-{secrets.token_hex(4)}"


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def resting(request: pytest.FixtureRequest, centrifugo_bin: Path) -> AsyncIterator[asyncio.Task[Rested] | None]:
    """A stack that is used once, right at the start, and again half a minute later, while the other tests run."""
    if not SOCKETS.exists() or not any(wakes_the_rested(item) for item in request.session.items):
        yield None
        return
    async with stack(centrifugo_bin) as running:
        task = asyncio.create_task(rest(running))
        yield task
        task.cancel()
