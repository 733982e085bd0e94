"""Makes a pool file of random tickets. The file is written whole or not at all."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from common.os_errors import reason
from common.printable import printable

TICKET_BYTES: Final = 32
COUNTS: Final = range(1, 1_000_001)
MODE: Final = 0o600
AT_ONCE: Final = 10_000


class NotMinted(Exception):
    """Nothing was written. The message has the reason and the remedy."""


def _unseen(made: int) -> None:
    """The default of `watch`."""


def mint(count: int, output: Path, *, overwrite: bool, watch: Callable[[int], None] = _unseen) -> int:
    """Write `count` new tickets, one per line, to `output`. Returns the size in bytes. Raises NotMinted.

    `watch` is called before every 10,000 tickets, with the number made so far.
    """
    if count not in COUNTS:
        raise NotMinted(f"--count is {count}; give a number from 1 to {COUNTS[-1]:,}.")
    if os.path.isdir(output):  # Path.is_dir may raise in a folder that this user may not enter
        raise NotMinted(f"{printable(output)} is a folder; give the path of a file in it.")
    if _is_special(output):
        raise NotMinted(f"{printable(output)} is a device, a socket or a named pipe; choose another path.")
    content = b"".join(_lines(count, watch))
    try:
        write_whole(output, content, overwrite=overwrite)
    except FileExistsError:
        raise NotMinted(
            f"{printable(output)} already exists; choose another path, or use --force to replace a pool that no "
            "process uses."
        ) from None
    except OSError as error:
        raise NotMinted(
            f"cannot write {printable(output)}: {reason(error)}; "
            "choose a folder with free space that this user may write to."
        ) from None
    return len(content)


def _is_special(path: Path) -> bool:
    """True if the path names something that a rename must not replace, such as /dev/null."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False  # a missing file, or an error that writing will report
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode))


def _lines(count: int, watch: Callable[[int], None]) -> Iterator[bytes]:
    for made in range(0, count, AT_ONCE):
        watch(made)
        several = range(min(AT_ONCE, count - made))
        yield "".join(f"{secrets.token_urlsafe(TICKET_BYTES)}\n" for _ in several).encode()


def write_whole(output: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file that only its owner can read. It appears in one step. Raises OSError.

    Without `overwrite`, a hard link creates the name. Unlike a rename, it fails if the name exists.
    """
    part = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        _write(part, content)
        if overwrite:
            part.replace(output)
        else:
            output.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(output.parent)


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=_owner_only) as file:
        os.fchmod(file.fileno(), MODE)  # regardless of the umask
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)


def _sync_folder(folder: Path) -> None:
    """Make the file's name survive a power failure. The file has been written, so an error here is ignored."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
