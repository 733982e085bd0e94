"""TLS files that change while the service runs."""

import os
from pathlib import Path

import pytest

from centrifugo_proxy.peers.channel_options import channel_options
from centrifugo_proxy.peers.channels import TlsSource, rolling_channel
from centrifugo_proxy.peers.rollover import Reason
from centrifugo_proxy.peers.tls import TlsFiles, TlsFilesRefused, TlsWatch, read_tls_files
from common.files import PEM_BYTES
from tests.harness.certificates import Authority, needs_openssl
from tests.harness.channels import Client, Reports, client_on
from tests.harness.identity import identity_stub

pytestmark = [pytest.mark.processes, needs_openssl]


class Mount:
    """A folder that looks like a Secret that the kubelet has mounted.

    Each file is a link into `..data`, and `..data` is a link to the folder of a version.
    `swap` replaces `..data` in one step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._versions = folder, 0

    def swap(self, **contents: bytes) -> None:
        self._versions += 1
        version = self._folder / f"..version_{self._versions}"
        version.mkdir()
        for name, content in contents.items():
            (version / name).write_bytes(content)
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(Path("..data") / name)
        link = self._folder / "..data_new"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")

    def path(self, name: str) -> str:
        return str(self._folder / name)


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    folder = tmp_path / "mounted"
    folder.mkdir()
    return Mount(folder)


@pytest.fixture(scope="module")
def next_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.in_folder(tmp_path_factory.mktemp("next"))


def pair(authority: Authority, name: str) -> dict[str, bytes]:
    """The certificate and the key of a client."""
    certificate, key = authority.issue(name)
    return {"cert": certificate.read_bytes(), "key": key.read_bytes()}


def test_new_content_is_used_after_two_checks_in_a_row_have_found_it(
    mount: Mount, authority: Authority, next_authority: Authority
) -> None:
    mount.swap(ca=authority.ca.read_bytes())
    report = Reports()
    watch = TlsWatch(TlsFiles(ca=mount.path("ca")), report)

    unchanged = watch.changed()
    mount.swap(ca=next_authority.ca.read_bytes())
    changes = [watch.changed() for _ in range(4)]

    assert (unchanged, changes) == (False, [False, True, False, False])
    assert watch.material.ca == next_authority.ca.read_bytes()
    assert (report.taken, report.refused) == (1, [])


def test_new_files_with_the_same_content_are_not_a_change(mount: Mount, authority: Authority) -> None:
    mount.swap(ca=authority.ca.read_bytes())
    report = Reports()
    watch = TlsWatch(TlsFiles(ca=mount.path("ca")), report)

    mount.swap(ca=authority.ca.read_bytes())

    assert [watch.changed() for _ in range(3)] == [False] * 3
    assert (report.taken, report.refused) == (0, [])


BROKEN = {
    "not PEM": b"no certificate",
    "empty": b"",
    "cut": b"-----BEGIN CERTIFICATE-----\nMIIB",
    "too large": b"#" * (PEM_BYTES + 1),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_reported_once_and_the_old_content_is_used_until_the_file_is_valid(
    mount: Mount, authority: Authority, next_authority: Authority, content: bytes
) -> None:
    mount.swap(ca=authority.ca.read_bytes())
    report = Reports()
    watch = TlsWatch(TlsFiles(ca=mount.path("ca")), report)

    mount.swap(ca=content)
    broken = [watch.changed() for _ in range(4)]
    kept = watch.material.ca
    mount.swap(ca=next_authority.ca.read_bytes())
    repaired = [watch.changed() for _ in range(2)]

    assert (broken, kept) == ([False] * 4, authority.ca.read_bytes())
    assert (repaired, watch.material.ca) == ([False, True], next_authority.ca.read_bytes())
    assert len(report.refused) == 1
    assert mount.path("ca") in report.refused[0]


def test_a_missing_file_is_reported_and_the_old_content_stays_in_use(mount: Mount, authority: Authority) -> None:
    mount.swap(ca=authority.ca.read_bytes())
    report = Reports()
    watch = TlsWatch(TlsFiles(ca=mount.path("ca")), report)

    Path(mount.path("ca")).unlink()
    changes = [watch.changed() for _ in range(3)]

    assert (changes, watch.material.ca) == ([False] * 3, authority.ca.read_bytes())
    assert report.refused == [f"cannot read {mount.path('ca')}: No such file or directory"]


def test_a_new_certificate_is_refused_until_its_own_key_is_written(mount: Mount, authority: Authority) -> None:
    first, second = pair(authority, "first"), pair(authority, "second")
    mount.swap(**first)
    report = Reports()
    watch = TlsWatch(TlsFiles(cert=mount.path("cert"), key=mount.path("key")), report)

    mount.swap(cert=second["cert"], key=first["key"])
    mixed = [watch.changed() for _ in range(3)]
    mount.swap(**second)
    matching = [watch.changed() for _ in range(2)]

    assert (mixed, matching) == ([False] * 3, [False, True])
    assert watch.material.key == second["key"]
    assert ("no certificate with its key" in report.refused[0], len(report.refused)) == (True, 1)


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a device"])
def test_a_path_that_is_not_a_file_is_refused_without_blocking(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ca"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(TlsFilesRefused, match="cannot read"):
        read_tls_files(TlsFiles(ca=str(path)))


async def test_identity_can_be_called_without_a_restart_after_its_authority_has_changed(
    mount: Mount, authority: Authority, next_authority: Authority
) -> None:
    mount.swap(ca=authority.ca.read_bytes())
    report = Reports()

    async with identity_stub(authority.server_credentials("localhost")) as identity:
        target = f"localhost:{identity.port}"
        source = TlsSource(target, channel_options(1), TlsFiles(ca=mount.path("ca")), report)
        async with rolling_channel(source, target=target, deadline_s=1, report=report) as channel:
            client = client_on(channel, 1)
            await client.seconds_until_ok()
            mount.swap(ca=b"broken")
            broken = await client.ask_for(3)
            mount.swap(ca=next_authority.ca.read_bytes())
            await identity.stop()
            async with identity_stub(next_authority.server_credentials("localhost"), port=identity.port) as renewed:
                await client.seconds_until_ok()
                assert len(renewed.calls) > 0

    assert broken == {"OK"}
    assert (report.taken, len(report.refused)) == (1, 1)
    assert Reason.CREDENTIALS in report.replaced or Reason.FAILING in report.replaced


async def test_a_new_client_certificate_is_used_without_a_failed_call(mount: Mount, authority: Authority) -> None:
    mount.swap(ca=authority.ca.read_bytes(), **pair(authority, "first"))
    report = Reports()
    files = TlsFiles(mount.path("ca"), mount.path("cert"), mount.path("key"))

    async with identity_stub(authority.server_credentials("localhost", ask_client=True)) as identity:
        target = f"localhost:{identity.port}"
        source = TlsSource(target, channel_options(5), files, report)
        async with rolling_channel(source, target=target, deadline_s=5, report=report) as channel:
            client = client_on(channel, 5)
            await client.seconds_until_ok()
            client.ends.clear()
            mount.swap(ca=authority.ca.read_bytes(), **pair(authority, "second"))
            await wait_for_replacement(client, report)

    assert set(client.ends) == {"OK"}
    assert report.replaced == [Reason.CREDENTIALS]


async def wait_for_replacement(client: Client, report: Reports) -> None:
    """Make calls until the channel has been replaced."""
    for _ in range(100):
        await client.ask_for(0.1)
        if report.replaced:
            return
    raise AssertionError("the channel was not replaced")
