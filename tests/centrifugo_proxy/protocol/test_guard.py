"""Reading a secret, and the decisions of the guard, without HTTP."""

import hashlib
import hmac
from pathlib import Path

import pytest

from centrifugo_proxy.protocol.guard import Guard
from common.secret_files import SecretError, UnsendableSecretError, read_header_secret, read_secret


def test_a_secret_is_the_exact_value_of_its_variable() -> None:
    assert read_secret("NAME", " $s3cret ", "") == b" $s3cret "


def test_a_secret_that_is_not_utf_8_keeps_its_bytes() -> None:
    assert read_secret("NAME", b"k\xffy".decode(errors="surrogateescape"), "") == b"k\xffy"


def test_a_secret_that_is_not_set_is_empty() -> None:
    assert read_secret("NAME", "", "") == b""


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"key", b"key"),
        (b"key\n", b"key"),
        (b"key\r\n", b"key"),
        (b"key\n\n", b"key\n"),
        (b" key ", b" key "),
        (b"two\nlines\n", b"two\nlines"),
        (b"k\xe9y\n", b"k\xe9y"),
        ("kéy\n".encode(), "kéy".encode()),
    ],
)
def test_one_trailing_newline_of_a_secrets_file_is_stripped(tmp_path: Path, content: bytes, secret: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)

    assert read_secret("NAME", "", str(file)) == secret


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"\n\n", "has only white space"),
        (b" ", "has only white space"),
    ],
)
def test_a_secrets_file_without_a_secret_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)

    with pytest.raises(SecretError) as refused:
        read_secret("NAME", "", str(file))

    assert str(refused.value) == f"NAME_FILE: {file} {problem}."


@pytest.mark.parametrize(
    ("value", "problem"), [(" key", "white space"), ("key\n", "a line break"), ("two words", "white space")]
)
def test_a_secret_in_a_variable_is_refused_if_a_header_would_change_it(value: str, problem: str) -> None:
    with pytest.raises(UnsendableSecretError) as refused:
        read_header_secret("NAME", value, "")

    assert str(refused.value) == f"NAME: the secret contains {problem}."


@pytest.mark.parametrize("content", [b"key\n\n", b" key", b"key \n", b"\xef\xbb\xbfkey", b"\x00key\n"])
def test_a_secret_in_a_file_is_refused_if_a_header_would_change_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)

    with pytest.raises(UnsendableSecretError) as refused:
        read_header_secret("NAME", "", str(file))

    assert str(refused.value).startswith("NAME_FILE: the secret contains ")
    assert "key" not in str(refused.value)


def test_a_secrets_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    messages = []
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(SecretError) as refused:
            read_secret("NAME", "", str(path))
        messages.append(str(refused.value))

    assert messages == [
        f"NAME_FILE: cannot read {tmp_path}/absent: No such file or directory.",
        f"NAME_FILE: cannot read {tmp_path}: Is a directory.",
    ]


def test_a_secret_that_is_set_in_two_forms_is_refused_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("in-the-file")

    with pytest.raises(SecretError) as refused:
        read_secret("NAME", "in-the-variable", str(file))

    assert str(refused.value) == "NAME and NAME_FILE are both set; set only one of them."


def test_a_guard_without_secrets_accepts_every_request() -> None:
    guard = Guard()

    assert (guard.enabled, guard.refusal([], b"body")) == (False, None)


def test_a_single_token_enables_the_guard() -> None:
    guard = Guard(tokens=(b"old",))

    assert guard.enabled
    assert guard.refusal([], b"") == "token_missing"


def test_the_repr_of_a_guard_does_not_contain_its_secrets() -> None:
    guard = Guard(secrets=(b"signing-key",), tokens=(b"shared-token",))

    assert "signing-key" not in repr(guard)
    assert "shared-token" not in repr(guard)


def test_a_signature_or_token_with_bytes_outside_ascii_is_a_mismatch() -> None:
    guard = Guard(secrets=(b"signing-key",), tokens=(b"shared-token",))
    signature = hmac.digest(b"signing-key", b"", hashlib.sha256).hex().encode()

    garbled = guard.refusal([(b"x-centrifugo-proxy-signature", b"\xff\xfe")], b"")
    half = guard.refusal([(b"x-centrifugo-proxy-signature", signature), (b"x-centrifugo-proxy-token", b"\xff")], b"")

    assert (garbled, half) == ("signature_mismatch", "token_mismatch")


@pytest.mark.parametrize("secret", ["this-is-the-secret-itself", "kZ9/sEcReT+base64value==", "~/token", "../token"])
def test_a_secret_that_is_set_in_place_of_its_file_name_is_not_shown(secret: str) -> None:
    with pytest.raises(SecretError) as refused:
        read_secret("NAME", "", secret)

    assert str(refused.value) == "NAME_FILE: cannot read the file it names: No such file or directory."
