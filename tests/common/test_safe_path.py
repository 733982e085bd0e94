"""The part of a secret's configured path that messages may contain."""

import pytest

from common.safe_path import safe_path


@pytest.mark.parametrize("path", ["/run/secrets/token", "./token", "/with a space", "/ключ"])
def test_text_that_looks_like_a_path_is_shown(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize("secret", ["s3cret", "kZ9/sEcReT==", "-----BEGIN KEY-----\n/a", "/a\nb", "/a\rb", "/" * 4097])
def test_text_that_may_be_the_secret_itself_is_not_shown(secret: str) -> None:
    assert safe_path(secret) == "the file it names"
