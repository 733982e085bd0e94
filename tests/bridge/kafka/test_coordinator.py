"""Asking the coordinator of a group while Kafka moves it to another broker."""

from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat

import pytest
from confluent_kafka import KafkaError, KafkaException

from bridge.kafka.coordinator import MOVING, answer


def answering(answers: Iterator[int | str]) -> Callable[[], Awaitable[str]]:
    """Answers in turn: with the error of a number, or with a text."""

    async def ask() -> str:
        each = next(answers)
        if isinstance(each, str):
            return each
        raise KafkaException(KafkaError(each))

    return ask


@pytest.mark.parametrize("error", MOVING)
async def test_a_coordinator_that_moves_is_awaited(error: int) -> None:
    assert await answer(answering(iter([error, error, "offsets"]))) == "offsets"


@pytest.mark.parametrize("error", [KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.GROUP_AUTHORIZATION_FAILED])
async def test_the_last_error_is_raised(error: int) -> None:
    with pytest.raises(KafkaException) as raised:
        await answer(answering(repeat(error)), timeout_s=0.1)

    assert raised.value.args[0].code() == error
