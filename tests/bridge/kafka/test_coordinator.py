"""Requests to the coordinator of a group while Kafka moves it to another broker."""

from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat

import pytest
from confluent_kafka import KafkaError, KafkaException

from bridge.kafka.coordinator import MOVING, answer


def answering(answers: Iterator[int | str]) -> Callable[[], Awaitable[str]]:
    """Answers requests in turn: a number is the code of an error to raise, and a text is the answer."""

    async def ask() -> str:
        each = next(answers)
        if isinstance(each, str):
            return each
        raise KafkaException(KafkaError(each))

    return ask


@pytest.mark.parametrize("error", MOVING)
async def test_a_request_is_repeated_while_the_coordinator_moves(error: int) -> None:
    assert await answer(answering(iter([error, error, "offsets"]))) == "offsets"


@pytest.mark.parametrize("error", [KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.GROUP_AUTHORIZATION_FAILED])
async def test_an_error_that_does_not_pass_is_raised(error: int) -> None:
    with pytest.raises(KafkaException) as raised:
        await answer(answering(repeat(error)), timeout_s=0.1)

    assert raised.value.args[0].code() == error
