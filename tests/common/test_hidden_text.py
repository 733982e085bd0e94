"""Text with a hidden representation."""

import secrets

from common.hidden_text import HiddenText


def test_a_secret_is_not_in_its_representation() -> None:
    secret = secrets.token_hex(8)

    assert repr({"token": HiddenText(secret)}) == "{'token': '<hidden>'}"


def test_an_empty_secret_is_visibly_empty() -> None:
    assert repr(HiddenText("")) == "''"


def test_a_secret_is_used_like_any_other_text() -> None:
    secret = secrets.token_hex(8)

    assert HiddenText(secret) == secret
    assert HiddenText(secret).encode() == secret.encode()
