"""The broker of the tests and the demonstration."""

import pytest
from confluent_kafka.admin import AdminClient

from tests.harness.kafka import Kafka


@pytest.mark.processes
def test_the_broker_advertises_an_address_and_not_a_name_with_several_addresses(kafka: Kafka) -> None:
    named = AdminClient({"bootstrap.servers": kafka.address}).list_topics(timeout=20).brokers.values()

    assert [f"{each.host}:{each.port}" for each in named] == [kafka.address]
    assert kafka.address.startswith("127.0.0.1:")
