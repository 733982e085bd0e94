"""Reads the TLS files of a channel, checks them, and watches them for new content."""

import codecs
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import grpc

from common.certificates import why_no_authorities
from common.files import PEM_BYTES, read_file
from common.os_errors import reason
from common.safe_path import safe_path
from common.startup import StartupRefused
from common.unreadable import cannot_read


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The paths of PEM files for a TLS channel. A path is "" if it is not set. `server_name` replaces the target's name
    in the check of the server's certificate.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""


class TlsMaterial(NamedTuple):
    """The content of the files. None for a file that is not set."""

    ca: bytes | None
    cert: bytes | None
    key: bytes | None

    def credentials(self) -> grpc.ChannelCredentials:
        """The credentials for opening a channel."""
        return grpc.ssl_channel_credentials(self.ca, self.key, self.cert)


class TlsFilesRefused(StartupRefused):
    """The files cannot be used. The message contains the file's path and the problem, but never the file's content."""


class Report(Protocol):
    """Reports changed files to operators."""

    def tls_files_taken(self) -> None: ...

    def tls_files_refused(self, problem: str) -> None: ...


def read_tls_files(files: TlsFiles) -> TlsMaterial:
    """The content of the files. Raises TlsFilesRefused if the files cannot be used."""
    material = TlsMaterial(_content(files.ca), _content(files.cert), _content(files.key))
    _check(files, material.ca)
    return material


def _content(path: str) -> bytes | None:
    if not path:
        return None
    try:
        content = read_file(path, PEM_BYTES)
    except OSError as error:
        raise TlsFilesRefused(cannot_read(path, error)) from None
    return content.replace(codecs.BOM_UTF8, b"")  # gRPC does not find a certificate or a key after a byte order mark


def _check(files: TlsFiles, ca: bytes | None) -> None:
    """Check the files before gRPC gets them: it accepts any bytes, and then fails at each handshake."""
    if ca is not None and (problem := why_no_authorities(ca)):
        raise TlsFilesRefused(f"{safe_path(files.ca)} contains no certificate in PEM ({problem})")
    if files.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:  # with a password set, OpenSSL does not prompt on the terminal for an encrypted key
            context.load_cert_chain(files.cert, files.key or None, password="")
        except OSError as error:
            names = f"{safe_path(files.cert)} and {safe_path(files.key)}"
            raise TlsFilesRefused(f"{names} contain no certificate with its key in PEM ({_words(error)})") from None


def _words(error: OSError) -> str:
    return reason(error) if not isinstance(error, ssl.SSLError) else error.reason or "not PEM"


Stamp = tuple[tuple[int, ...], ...]


class TlsWatch:
    """The newest usable content of TLS files.

    Other programs may replace the files one by one. So a change counts only after two checks in a row have found the
    same files. Kubernetes replaces all files of a Secret at once: each is a link into `..data`, which is itself a link
    that Kubernetes swaps.
    """

    def __init__(self, files: TlsFiles, report: Report) -> None:
        """Raises TlsFilesRefused."""
        self._files, self._report = files, report
        self._judged = self._seen = _stamp(files)
        self.material = read_tls_files(files)

    def changed(self) -> bool:
        """Check the files again. True if they have new content, which is then in `material`."""
        before, self._seen = self._seen, _stamp(self._files)
        if self._seen == self._judged or self._seen != before:
            return False
        self._judged = self._seen
        try:
            material = read_tls_files(self._files)
        except TlsFilesRefused as refused:
            self._report.tls_files_refused(str(refused))
            return False
        if material == self.material:
            return False
        self.material = material
        self._report.tls_files_taken()
        return True


def _stamp(files: TlsFiles) -> Stamp:
    """A cheap fingerprint of the files' state: one stat call per file."""
    return tuple(_file_stamp(path) for path in (files.ca, files.cert, files.key) if path)


def _file_stamp(path: str) -> tuple[int, ...]:
    try:
        found = Path(path).stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
