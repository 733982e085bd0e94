"""The operations that brokers allow, asked of librdkafka's mock of a broker. tests/bridge/e2e uses a real one."""

from bridge.kafka.rights import Rights


async def test_the_rights_are_unknown_if_the_broker_cannot_list_operations() -> None:
    mock = Rights({"test.mock.num.brokers": 1})

    assert await mock.on_group("bridges") is None
