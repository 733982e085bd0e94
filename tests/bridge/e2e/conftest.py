"""Fixtures for the bridge's end-to-end tests, and the pytest-xdist workers that run these tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge.e2e.stage import Stage, staged
from tests.harness import centrifugo
from tests.harness.kafka import Kafka, broker_or_skip

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in at most two workers of pytest-xdist, so that at most two brokers are started for them."""
    for item in items:
        if item.path.is_relative_to(HERE):
            group = "kafka-torture" if item.path.stem == "test_torture" else "kafka"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for the tests here. It ends after the last test, because an idle broker takes 2 % of a core."""
    yield from broker_or_skip(tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="session")
def centrifugo_v6() -> Path:
    """The binary of Centrifugo v6. Without it the tests are skipped.

    In CI the tests are skipped only if this machine cannot build v6, or if CENTRIFUGO_BIN names another major version.
    Otherwise they fail.
    """
    if found := centrifugo.binary(6):
        return found
    excuse = centrifugo.excuse(centrifugo.build_log())
    if not excuse and os.environ.get("CI") == "true" and not centrifugo.named():
        pytest.fail(f"Centrifugo v6 is missing, and CI requires it.\n{centrifugo.build_log()}", pytrace=False)
    pytest.skip(excuse or "Centrifugo v6 is missing. Run `make centrifugos`, or name a v6 binary in CENTRIFUGO_BIN.")


@pytest.fixture
def stage(kafka: Kafka, centrifugo_v6: Path, tmp_path: Path) -> Iterator[Stage]:
    """Kafka, Centrifugo, and a topic that only this test uses."""
    with staged(kafka, centrifugo_v6, tmp_path) as running:
        yield running
