"""Text with a hidden representation."""

import secrets

from common.hidden_text import HiddenText, UrlText


def test_a_secret_is_not_in_its_representation() -> None:
    secret = secrets.token_hex(8)

    assert repr({"token": HiddenText(secret)}) == "{'token': '<hidden>'}"


def test_the_representation_shows_that_a_secret_is_empty() -> None:
    assert repr(HiddenText("")) == "''"


def test_a_secret_is_used_like_any_other_text() -> None:
    secret = secrets.token_hex(8)

    assert HiddenText(secret) == secret
    assert HiddenText(secret).encode() == secret.encode()


def test_credentials_and_the_query_of_a_url_are_not_in_its_representation() -> None:
    secret = secrets.token_hex(8)
    url = f"https://user:{secret}@collector:4318/v1/traces?key={secret}"

    assert repr(UrlText(url)) == "'https://…@collector:4318/v1/traces?…'"
    assert UrlText(url) == url
