"""Fixtures for all tests. The real servers and clients are in tests/harness."""

import gc
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, settings

from tests.harness.examples import scaled
from tests.harness.fakes import FakeClock
from tests.harness.identity import IdentityStub, identity_stub

pytest_plugins = (
    "tests.harness.django_settings",
    "tests.harness.grpc_poller",
    "tests.harness.process_marks",
    "tests.harness.not_run",
    "tests.harness.deploy_tools",
    "tests.harness.worker_groups",
)

# On a busy machine an example may be slow although nothing is wrong.
settings.register_profile(
    "busy",
    max_examples=scaled(100),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collected tests out of later garbage collections. Otherwise `make check` takes a quarter more CPU."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture
async def identity() -> AsyncIterator[IdentityStub]:
    """A real identity service on loopback that accepts every ticket by default."""
    async with identity_stub() as stub:
        yield stub


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def frozen_time() -> Iterator[FrozenDateTimeFactory]:
    """Freezes the time that the main thread sees, except for gRPC's deadlines and the event loop."""
    with freeze_time("2030-01-01", ignore=["grpc"], real_asyncio=True) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen
