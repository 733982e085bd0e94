"""One Kafka for all tests of a process, and one Centrifugo; skipped with the reason where there is none."""

from collections.abc import Iterator

import pytest

from tests.harness.kafka import Kafka, excuse, running_kafka

WHY_SKIPPED = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if why := config.stash.get(WHY_SKIPPED, ""):
        terminalreporter.write_line(f"NOT RUN: the tests with a real Kafka. {why}")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker."""
    if why := excuse():
        request.config.stash[WHY_SKIPPED] = why
        pytest.skip(why)
    with running_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running
