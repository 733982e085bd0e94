"""Reads files that a setting or an operator names.

The project reads such files only here. Libraries that get a path, such as OpenSSL for certificate authorities, open the
file themselves. Only regular files are read, and only up to a maximum size: a FIFO, a device or an endless file could
hang the process.
"""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Maximum sizes by kind of file, in bytes. Real files are far smaller.
SECRET_BYTES: Final = 64 * KIB
PEM_BYTES: Final = MIB
TEXT_BYTES: Final = 4 * MIB  # policies, routes, Centrifugo's configurations
DESCRIPTOR_BYTES: Final = 16 * MIB

NOT_REGULAR: Final = "not a regular file"
NOT_A_PATH: Final = "not a valid path"
CHUNK_BYTES: Final = 64 * KIB

Path = str | os.PathLike[str]


def read_file(path: Path, max_bytes: int) -> bytes:
    """The content of the regular file at `path`.

    Raises OSError; `common.os_errors.reason` returns its message. For a file above `max_bytes`, the error is EFBIG.
    """
    return b"".join(read_chunks(path, max_bytes))


def read_chunks(path: Path, max_bytes: int) -> Iterator[bytes]:
    """The content in parts of at most CHUNK_BYTES, for large files. Iterating raises OSError, as `read_file` does."""
    descriptor = _open(path, max_bytes)
    total = 0
    try:
        while chunk := os.read(descriptor, CHUNK_BYTES):
            total += len(chunk)
            if total > max_bytes:  # files in /proc report no size, and files can grow
                raise _too_large(max_bytes)
            yield chunk
    finally:
        os.close(descriptor)


def _open(path: Path, max_bytes: int) -> int:
    try:
        _require_regular(os.stat(path), max_bytes)  # before opening: opening a device has side effects
        # O_NONBLOCK, because the path may have become a FIFO since then, and opening a FIFO waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:  # a NUL byte or a lone surrogate
        raise OSError(errno.EINVAL, NOT_A_PATH) from None
    try:
        _require_regular(os.fstat(descriptor), max_bytes)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR)
    if status.st_size > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> OSError:
    size = f"{max_bytes // MIB} MiB" if max_bytes >= MIB else f"{max_bytes // KIB} KiB"
    return OSError(errno.EFBIG, f"larger than {size}")
