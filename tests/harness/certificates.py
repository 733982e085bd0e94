"""A throwaway certificate authority, made with the openssl command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@dataclass(frozen=True)
class Authority:
    """`ca` is the authority's certificate; `issue` makes others. All are PEM files in `folder`, valid for a day."""

    folder: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Authority":
        # Python checks certificates strictly since 3.13: an authority without keyUsage is refused.
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl(folder, "ca", "-addext", "basicConstraints=critical,CA:TRUE", *usage)
        return cls(folder)

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        """The certificate and the key of the host `name`, which may be an IPv4 address."""
        kind = "IP" if name.replace(".", "").isdigit() else "DNS"
        signed_by = ("-CA", str(self.ca), "-CAkey", str(self.folder / "ca.key"))
        leaf = ("-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"subjectAltName={kind}:{name}")
        _openssl(self.folder, name, *signed_by, *leaf)
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def server_credentials(self, name: str, *, ask_client: bool = False) -> grpc.ServerCredentials:
        """Credentials of a gRPC server called `name`; with `ask_client`, clients must present a certificate."""
        certificate, key = self.issue(name)
        pair = (key.read_bytes(), certificate.read_bytes())
        roots = self.ca.read_bytes() if ask_client else None
        return grpc.ssl_server_credentials([pair], roots, ask_client)


def _openssl(folder: Path, name: str, *options: str) -> None:
    subject = ("-subj", f"/CN={name}", "-days", "1")
    files = ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    subprocess.run(["openssl", "req", "-x509", *key, *subject, *files, *options], check=True, capture_output=True)  # noqa: S603, S607
