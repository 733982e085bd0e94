"""One stack for each configuration, shared by all tests here in one event loop.

A stack ends after the last of these tests, because its processes take a few percent of a core even if nothing uses
them.

Without Centrifugo the tests are skipped, and the summary of the run names the reason. In CI they are skipped only if
the machine cannot build Centrifugo.
"""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Generator
from functools import cache
from pathlib import Path
from typing import Any

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests of this folder in one event loop, so that they can share stacks.

    They run after all other tests, because the loop and the stacks stand still while another test runs. First come all
    tests with one major version of Centrifugo, then all tests with the other one. The test of idle connections is the
    last one for its version. With --dist loadgroup, pytest-xdist runs all tests of a version in one worker.
    """
    for item in items:
        if not is_here(item.path):
            continue
        item.add_marker(pytest.mark.xdist_group(f"e2e-v{major_of(item)}"))
        if is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    items.sort(key=lambda item: (is_here(item.path), -major_of(item), measures_rested_connections(item)))


@cache
def is_here(path: Path) -> bool:
    return path.is_relative_to(HERE)


def major_of(item: pytest.Item) -> int:
    """The major version of Centrifugo that the test runs with; 0 for a test without Centrifugo."""
    call: Any = getattr(item, "callspec", None)
    return int(call.params.get("centrifugo_bin", 0)) if call else 0


def measures_rested_connections(item: pytest.Item) -> bool:
    return item.path == HERE / "test_rested_connections.py"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the warnings and errors of the service and of Centrifugo to the report of a failed test."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        for name, part in item.funcargs.items():
            if isinstance(part, Stack | FamilyStack):
                report.sections.append((f"warnings and errors of {name}", complaints(part)))
    return report


def complaints(part: Stack | FamilyStack) -> str:
    """The last warnings and errors in both logs. Centrifugo's other lines may contain tickets."""
    lines = [*part.centrifugo.log.read_text().splitlines(), *part.service.process.stderr().splitlines()]
    return "\n".join([line for line in lines if re.search(r'"level": ?"(warn|error)', line, re.IGNORECASE)][-40:])


@pytest.fixture(scope="package", params=centrifugo.majors(), ids="v{}".format)
def centrifugo_bin(request: pytest.FixtureRequest) -> Path:
    """A Centrifugo to test with. CI skips these tests only if Centrifugo cannot be built there, and reports why."""
    if found := centrifugo.binary(request.param):
        return found
    why = "Centrifugo is not built. Run `make centrifugos`, which needs Go, or name a binary in CENTRIFUGO_BIN."
    if reason := centrifugo.excuse(centrifugo.build_log()):
        why = reason
    elif os.environ.get("CI") == "true":
        pytest.fail(f"{why} CI must build it.\n{centrifugo.build_log()}", pytrace=False)
    pytest.skip(why)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def http_stack(centrifugo_bin: Path) -> AsyncIterator[Stack]:
    """Response mode `http`, with the guard's token, which an unmodified Centrifugo can send."""
    async with stack(centrifugo_bin, CENTRIFUGO_PROXY_TOKEN=secrets.token_hex(16)) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def envelope_stack(centrifugo_bin: Path) -> AsyncIterator[Stack]:
    """Response mode `envelope`, without a guard, and with one field visible to other clients.

    The limit of requests in flight is fixed, so that many slow clients at once are not refused.
    """
    variables = {"CENTRIFUGO_INFO_FIELDS": "subscription_tier", "PROXY_MAX_INFLIGHT": "1000"}
    async with stack(centrifugo_bin, CENTRIFUGO_RESPONSE_MODE="envelope", **variables) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_family(centrifugo_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FamilyStack]:
    """A stack that answers all events by a policy, in response mode `http` and with the guard."""
    async with family_stack(centrifugo_bin, tmp_path_factory.mktemp("family")) as running:
        yield running


@pytest.fixture
def family(shared_family: FamilyStack) -> FamilyStack:
    """The shared stack, with identity, the family service and the backend reset to their first scripts."""
    shared_family.identity.refresh_script = aborts(grpc.StatusCode.UNIMPLEMENTED)
    shared_family.family_service.script = grants()
    shared_family.diary.script = returns(b"{}")
    return shared_family


@pytest.fixture
def family_id() -> str:
    """A new family for each test."""
    return f"f-{secrets.token_hex(4)}"


@pytest_asyncio.fixture(scope="package", loop_scope="session", autouse=True)
async def resting(request: pytest.FixtureRequest, centrifugo_bin: Path) -> AsyncIterator[asyncio.Task[Rested] | None]:
    """A task that uses a stack at the start and again half a minute later, while the other tests run."""
    if not SOCKETS.exists() or not any(measures_rested_connections(item) for item in request.session.items):
        yield None
        return
    async with stack(centrifugo_bin) as running:
        task = asyncio.create_task(rest(running))
        yield task
        task.cancel()
