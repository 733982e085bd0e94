"""The messages of the clients behind Centrifugo."""

from demo.client import no_answer


def test_the_message_for_no_answer_has_the_reason_or_says_that_it_took_too_long() -> None:
    messages = [no_answer(error) for error in (ConnectionRefusedError(111, "Connection refused"), TimeoutError())]

    assert messages == [
        "No answer: [Errno 111] Connection refused. Check that `make run` is still running.",
        "No answer: it took too long. Check that `make run` is still running.",
    ]
