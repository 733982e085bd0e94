"""Reading a path never hangs, whatever the path names, and a failure has a reason."""

import errno
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from common.files import MIB, read_chunks, read_file
from common.os_errors import reason
from tests.harness.paths import ROOT

pytestmark = pytest.mark.timeout(10)


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 200_000)

    assert read_file(file, 200_000) == b"x" * 200_000


def test_a_link_to_a_regular_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    (tmp_path / "link").symlink_to("file")  # Kubernetes mounts Secrets as links

    assert read_file(tmp_path / "link", MIB) == b"secret"


def fifo(path: Path) -> str:
    os.mkfifo(path)
    return str(path)


def unix_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return str(path)


def huge(path: Path) -> str:
    path.touch()
    os.truncate(path, 2**40)  # a sparse file takes no space
    return str(path)


def loop(path: Path) -> str:
    path.symlink_to(path)
    return str(path)


MAKERS: dict[str, tuple[Callable[[Path], str], str]] = {
    "a FIFO": (fifo, "not a regular file"),
    "a socket": (unix_socket, "not a regular file"),
    "a device": (lambda path: "/dev/zero", "not a regular file"),
    "a terminal": (lambda path: "/dev/ptmx", "not a regular file"),
    "a folder": (lambda path: str(path.parent), "Is a directory"),
    "a huge file": (huge, "larger than 1 MiB"),
    "a missing file": (str, "No such file or directory"),
    "a path through a file": (lambda path: "/etc/hostname/file", "Not a directory"),
    "a circle of links": (loop, "Too many levels of symbolic links"),
    "a NUL byte": (lambda path: "/etc\0/x", "not a valid path"),
    "a lone surrogate": (lambda path: "/\ud800", "not a valid path"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_any_other_path_is_refused_with_a_reason(tmp_path: Path, kind: str) -> None:
    make, expected = MAKERS[kind]

    with pytest.raises(OSError) as raised:  # noqa: PT011  (the reason is compared below)
        read_file(make(tmp_path / "path"), MIB)

    assert reason(raised.value) == expected


def test_the_limit_holds_for_a_file_that_reports_no_size() -> None:
    with pytest.raises(OSError, match="larger than 1 KiB"):
        read_file("/proc/self/smaps", 1024)


def test_the_limit_holds_for_a_file_that_grows(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 65_536)
    chunks = read_chunks(file, 65_536)
    next(chunks)

    with file.open("ab") as more:
        more.write(b"x")

    with pytest.raises(OSError) as raised:  # noqa: PT011
        next(chunks)
    assert raised.value.errno == errno.EFBIG


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))

    for make, _ in MAKERS.values():
        with pytest.raises(OSError):  # noqa: PT011
            read_file(make(tmp_path / os.urandom(4).hex()), MIB)
    with pytest.raises(OSError, match="larger than 1 KiB"):
        read_file("/proc/self/smaps", 1024)
    read_file("/proc/self/status", MIB)

    assert len(os.listdir("/proc/self/fd")) == before


PACKAGES = ("bridge", "centrifugo_proxy", "common", "fallback", "realtime_site")
OTHER_WAYS = re.compile(
    r"\.read_bytes\(|Path\([^)]*\)\.read_text\(|\bfile\.read_text\(|\bpath\.read_text\(|open\([^)]*\"rb?\""
)


def test_no_module_reads_a_file_except_through_common_files() -> None:
    sources = [source for package in PACKAGES for source in (ROOT / package).rglob("*.py")]

    found = [str(source.relative_to(ROOT)) for source in sources if OTHER_WAYS.search(source.read_text())]

    assert len(sources) > 50
    assert found == []
