"""Reads a secret from its variable, or from the file whose path is in its `…_FILE` variable."""

import os

from common.files import SECRET_BYTES, read_file
from common.header_values import why_not_sendable
from common.safe_path import safe_path
from common.unreadable import cannot_read


class SecretError(ValueError):
    """A secret cannot be used. The message names the variable, never the value."""


class UnsendableSecretError(SecretError):
    """A secret that no caller could send, because it could change in an HTTP header."""


def read_secret(name: str, value: str, path: str) -> bytes:
    """The secret called `name`: `value`, or the content of the file at `path`; b"" if both are empty.

    One line break at the end of the file does not count. Raises SecretError.
    """
    if value and path:
        raise SecretError(f"{name} and {name}_FILE are both set; set only one of them.")
    return _from_file(name, path) if path else os.fsencode(value)  # the original bytes, which may not be UTF-8


def read_header_secret(name: str, value: str, path: str) -> bytes:
    """Same as `read_secret`, for a secret that is sent in an HTTP header. Also raises UnsendableSecretError."""
    secret = read_secret(name, value, path)
    if problem := why_not_sendable(secret):
        raise UnsendableSecretError(f"{name}{'_FILE' if path else ''}: the secret contains {problem}.")
    return secret


def _from_file(name: str, path: str) -> bytes:
    try:
        content = read_file(path, SECRET_BYTES)
    except OSError as error:
        raise SecretError(f"{name}_FILE: {cannot_read(path, error)}.") from None
    secret = content.removesuffix(b"\n").removesuffix(b"\r")
    if not secret.strip():
        raise SecretError(f"{name}_FILE: {safe_path(path)} {'has only white space' if secret else 'is empty'}.")
    return secret
