"""Centrifugo for the bridge's end-to-end tests, and how these share their brokers."""

import os
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
    """The newest major. CI may go without it only where it cannot be built."""
    if found := centrifugo.binary(6):
        return found
    excuse = centrifugo.excuse(centrifugo.build_log())
    if not excuse and os.environ.get("CI") == "true" and not centrifugo.named():
        pytest.fail(
            f"There is no Centrifugo v6, and here it must not be missing.\n{centrifugo.build_log()}", pytrace=False
        )
    pytest.skip(excuse or "There is no Centrifugo v6: `make centrifugos` builds it with Go.")
