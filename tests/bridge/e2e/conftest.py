"""Centrifugo for the bridge's end-to-end tests, and how these share their brokers."""

from pathlib import Path

import pytest

from tests.harness import centrifugo

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers of pytest-xdist have a broker each, in place of all of them."""
    for item in items:
        if item.path.is_relative_to(HERE):
            group = "kafka-torture" if item.path.stem == "test_torture" else "kafka"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def centrifugo_v6() -> Path:
    """The newest major; skipped where it cannot be built."""
    found = centrifugo.binary(6)
    if found is None:
        pytest.skip(centrifugo.excuse(centrifugo.BUILD_LOG.read_text()) or "`make centrifugos` builds it with Go")
    return found
