"""The fixture of a real Kafka: one for all tests of a process. A pytest plugin, loaded by tests/conftest.py."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.kafka import Kafka


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Kafka"]:
    """A real broker. If none can be started, the test is skipped with the reason, or may fail in CI (`excuse`)."""
    from tests.harness.kafka import excuse, running_kafka  # noqa: PLC0415  (only where it is used)

    if why := excuse():
        pytest.skip(why)
    with running_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running
