"""`manage.py mint_fallback_tickets`: the file that it writes, and the files that it does not change."""

import os
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from fallback import minting, tickets
from fallback.minting import NotMinted, mint, write_whole
from tests.harness.manage import run_manage

NOBODY = 65534


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("mint_fallback_tickets", *arguments, stdout=output)
    return output.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 1
    return str(refused.value)


def test_every_line_is_a_ticket_of_256_bits(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"

    run("--count", "500", "--output", str(path))

    lines = path.read_text().splitlines()
    assert len(set(lines)) == len(lines) == 500
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", line) for line in lines)


def test_a_minted_file_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"

    run("--count", "50", "--output", str(path))

    loaded = tickets.load(str(path), 0)
    assert (loaded.status, len(loaded.pool), loaded.duplicates) == ("loaded", 50, 0)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_the_file_with_any_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new.tickets"
    before = os.umask(umask)
    try:
        mint(3, path, overwrite=False)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_output_has_the_result_and_the_next_steps_but_no_ticket(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"

    output = run("--count", "3", "--output", str(path))

    assert output.splitlines() == [
        f"Wrote 3 tickets to {path} (132 bytes, mode 0600).",
        f"Next: manage.py check_fallback_pool --path {path}",
        "Then give the file to the service that sends tickets to clients, mount it at FALLBACK_TICKETS_PATH,",
        "restart the realtime service, and delete this copy (docs/runbook.md, rotating the pool).",
    ]
    assert not [line for line in path.read_text().splitlines() if line in output]


def test_the_next_command_can_be_pasted_into_a_shell_for_any_path(tmp_path: Path) -> None:
    path = tmp_path / "new pool.tickets"

    output = run("--count", "3", "--output", str(path))

    [command] = [line.removeprefix("Next: manage.py ") for line in output.splitlines() if line.startswith("Next: ")]
    assert shlex.split(command) == ["check_fallback_pool", "--path", str(path)]


def test_a_file_too_large_for_a_kubernetes_secret_is_reported(tmp_path: Path) -> None:
    output = run("--count", "24000", "--output", str(tmp_path / "new.tickets"))

    assert "A Kubernetes Secret holds 1 MiB, about 23,800 tickets: this file is too large for it.\n" in output


def test_an_existing_file_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"
    path.write_text("in use\n")

    message = refusal("--count", "3", "--output", str(path))

    assert message == (
        f"{path} already exists; choose another path, or use --force to replace a pool that no process uses. "
        "Nothing was written."
    )
    assert os.listdir(tmp_path) == ["new.tickets"]
    assert path.read_text() == "in use\n"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"
    path.symlink_to(tmp_path / "elsewhere")

    refusal("--count", "3", "--output", str(path))

    assert os.listdir(tmp_path) == ["new.tickets"]


def test_the_option_force_replaces_the_file_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"
    path.write_text("old\n")
    path.chmod(0o644)

    run("--count", "3", "--output", str(path), "--force")

    assert len(path.read_text().splitlines()) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["new.tickets"]


@pytest.mark.parametrize("count", ["0", "-1", "1000001"])
def test_a_count_out_of_range_is_refused(tmp_path: Path, count: str) -> None:
    message = refusal(f"--count={count}", "--output", str(tmp_path / "new.tickets"))

    assert message == f"--count is {count}; give a number from 1 to 1,000,000. Nothing was written."
    assert os.listdir(tmp_path) == []


def test_a_count_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="argument --count: 'many' is not accepted; accepted: a whole number"):
        run("--count", "many", "--output", str(tmp_path / "new.tickets"))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "new.tickets"

    assert refusal("--count", "3", "--output", str(path)) == (
        f"cannot write {path}: No such file or directory; choose a folder with free space that this user may write to. "
        "Nothing was written."
    )


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("output", ["", ".", "folder"])
def test_a_folder_is_refused_as_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, force: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()

    message = refusal("--count", "3", f"--output={output}", *force)

    assert message == f"{output or '.'} is a folder; give the path of a file in it. Nothing was written."
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK], ids=["pipe", "socket"])
def test_the_option_force_replaces_no_special_file(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "special"
    os.mknod(path, kind | 0o600)

    message = refusal("--count", "3", "--output", str(path), "--force")

    assert message == f"{path} is a device, a socket or a named pipe; choose another path. Nothing was written."
    assert stat.S_IFMT(path.stat().st_mode) == kind


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with without_root():
        message = refusal("--count", "3", "--output", str(tmp_path / "new.tickets"))

    assert "Permission denied; choose a folder with free space that this user may write to" in message


@contextmanager
def without_root() -> Iterator[None]:
    """Run as a user without root's rights."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_no_new_file_and_the_old_file_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    path = tmp_path / "new.tickets"
    if overwrite:
        path.write_text("old\n")
    monkeypatch.setattr(os, "fsync", _disk_full)

    with pytest.raises(NotMinted, match="No space left on device"):
        mint(3, path, overwrite=overwrite)

    assert [file.read_text() for file in tmp_path.iterdir()] == (["old\n"] if overwrite else [])


def test_ctrl_c_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _interrupted)

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "new.tickets", b"content", overwrite=False)

    assert os.listdir(tmp_path) == []


def _disk_full(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def _interrupted(descriptor: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.processes
def test_help_has_exit_codes_and_an_example_and_the_limit_of_the_option_count() -> None:
    ended = run_manage("mint_fallback_tickets", "--help")

    assert f"1 to {minting.COUNTS[-1]:,}" in ended.stdout
    assert "exit codes:" in ended.stdout
    assert "manage.py mint_fallback_tickets --count 20000 --output ./new.tickets" in ended.stdout


@pytest.mark.processes
def test_a_real_process_mints_once_and_then_refuses(tmp_path: Path) -> None:
    path = tmp_path / "new.tickets"

    first = run_manage("mint_fallback_tickets", "--count", "20", "--output", str(path))
    content = path.read_text()
    second = run_manage("mint_fallback_tickets", "--count", "20", "--output", str(path))

    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stdout) == (1, "")
    assert "Traceback" not in second.stderr
    assert path.read_text() == content
    assert not [line for line in content.splitlines() if line in first.stdout + second.stderr]
