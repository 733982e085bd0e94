"""Fixtures for every test. Real parts are in tests/harness."""

from collections.abc import AsyncIterator

import pytest

from tests.harness.fakes import FakeClock
from tests.harness.identity import IdentityStub, identity_stub


@pytest.fixture
async def identity() -> AsyncIterator[IdentityStub]:
    """A real identity service on loopback that says yes until it is scripted otherwise."""
    async with identity_stub() as stub:
        yield stub


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
