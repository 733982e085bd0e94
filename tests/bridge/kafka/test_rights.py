"""The operations that brokers allow. With librdkafka's own mock of a broker; the real one is in tests/bridge/e2e."""

from bridge.kafka.rights import Rights


async def test_a_broker_that_cannot_list_operations_is_no_fault() -> None:
    mock = Rights({"test.mock.num.brokers": 1})

    assert await mock.on_group("bridges") is None
