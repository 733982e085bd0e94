"""Claims in a file, for the processes of one machine."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fallback.claims.claims import OnError, Result, StoreDown
from fallback.claims.keys import ticket_key
from fallback.claims.sqlite_store import DAMAGED, FILE, SqliteStore
from fallback.claims.store import KEPT_S, StoreError, StoreKind
from tests.fallback.claims.claiming import POOL, claims_in, digest, remembered
from tests.harness.paths import ROOT

pytestmark = pytest.mark.processes

TICKETS = [digest(f"ticket-{number}") for number in range(200)]
# Claims every ticket, and prints the ones it won. With a second argument, it kills itself before it closes the file.
RACER = """
import asyncio, os, signal, sys
from tests.fallback.claims.claiming import claims_in, digest

async def race():
    async with claims_in(sys.argv[1], deadline_s=30) as claims:
        won = [number for number in range(200) if await claims.claim(digest(f"ticket-{number}")) == "won"]
        print(*won, flush=True)
        if sys.argv[2:]:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(race())
"""
# Claims tickets until the files may not grow any more. Prints the first result and that of a contact. It stops at two
# failures in a row. After a single failure the store closes its connection, SQLite moves the claims from its log to the
# database, and the next claim may fit again.
FILLER = """
import asyncio, itertools, resource, sys
from tests.fallback.claims.claiming import claims_in, digest

async def fill():
    numbers = itertools.count()
    async with claims_in(sys.argv[1], deadline_s=30) as claims:
        results = ["won"]
        while "won" in results[-2:]:
            claims.gate.open = True
            results.append(await claims.claim(digest(f"ticket-{next(numbers)}")))
        print(results[1], await claims.contact())

resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
asyncio.run(fill())
"""


def damage(folder: Path, statement: str) -> None:
    """Change the database in a way that the service never does."""
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    connection.execute(statement)
    connection.close()


def racer(url: str, *arguments: str) -> "subprocess.Popen[str]":
    return running(RACER, url, *arguments)


def running(program: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_site.settings"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603


def test_processes_that_start_at_the_same_time_win_each_ticket_once(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/claims"
    racers = [racer(url) for _ in range(3)]
    printed = [each.communicate(timeout=60)[0].split() for each in racers]

    assert [each.returncode for each in racers] == [0, 0, 0]
    assert sorted(int(number) for won in printed for number in won) == list(range(200))


async def test_a_killed_process_loses_no_claim(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    killed = racer(url, "killed")
    killed.communicate(timeout=60)

    async with claims_in(url) as claims:
        results = {await claims.claim(ticket) for ticket in TICKETS}

        assert killed.returncode == -signal.SIGKILL
        assert (results, claims.used) == ({Result.USED}, 200)


async def test_only_the_owner_can_access_the_folder_and_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with claims_in(f"file://{tmp_path}/new/claims") as claims:
            assert await claims.contact()
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    finally:
        os.umask(before)

    assert modes == {"claims": 0o700, FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}


async def test_a_claim_whose_answer_was_lost_is_won_by_the_same_process(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    async with claims_in(url) as claims, claims_in(url) as other:
        await claims.store.claim(ticket_key(TICKETS[0]))

        assert [await other.claim(TICKETS[0]), await claims.claim(TICKETS[0])] == [Result.USED, Result.WON]
        assert (claims.used, other.used) == (1, 1)


async def test_used_tickets_are_counted_per_pool(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    async with claims_in(url) as old, claims_in(url, pool="b") as new:
        results = [await old.claim(TICKETS[0]), await new.claim(TICKETS[0]), await new.claim(TICKETS[1])]

        assert (results, old.used, new.used) == ([Result.WON, Result.USED, Result.WON], 1, 1)


async def test_a_claim_fails_while_another_connection_keeps_the_file_locked(tmp_path: Path) -> None:
    async with claims_in(f"file://{tmp_path}", deadline_s=0.2) as claims:
        await claims.contact()
        with sqlite3.connect(tmp_path / FILE, isolation_level=None) as holder:
            holder.execute("BEGIN IMMEDIATE")
            locked = await claims.claim(TICKETS[0])
            holder.execute("ROLLBACK")
        holder.close()
        async with asyncio.timeout(20):
            while not await claims.contact():
                await asyncio.sleep(0.02)

        assert (locked, await claims.claim(TICKETS[0])) == (Result.ERROR, Result.WON)


def test_a_full_disk_is_noticed_at_the_next_contact(tmp_path: Path) -> None:
    filler = running(FILLER, f"file://{tmp_path}/claims")

    printed, _ = filler.communicate(timeout=60)

    assert printed == "won False\n"


async def test_a_contact_fails_with_the_reason_if_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    async with claims_in(f"file://{tmp_path}/file/claims") as claims:
        assert not await claims.contact()

    reason = "cannot use the folder (Not a directory)"
    assert remembered(claims).notices == [StoreDown(StoreKind.FILE, reason, OnError.REFUSE)]


async def test_a_claim_fails_if_the_file_is_not_a_database(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database" * 100)

    async with claims_in(f"file://{tmp_path}") as claims:
        assert await claims.claim(TICKETS[0]) is Result.ERROR

    [down] = remembered(claims).notices
    assert isinstance(down, StoreDown)
    assert down.reason == "SQLite: SQLITE_NOTADB"


@pytest.mark.parametrize("count", ["'many'", "x'ff'", "CAST(x'ff' AS TEXT)", "9e999"])
async def test_a_contact_fails_if_the_count_in_the_file_is_damaged(tmp_path: Path, count: str) -> None:
    async with claims_in(f"file://{tmp_path}") as claims:
        await claims.claim(TICKETS[0])
        damage(tmp_path, f"UPDATE pool SET used = {count}")  # noqa: S608

        assert not await claims.contact()

    assert remembered(claims).notices == [StoreDown(StoreKind.FILE, DAMAGED, OnError.REFUSE)]


async def test_a_claim_fails_if_its_row_in_the_file_is_damaged(tmp_path: Path) -> None:
    async with claims_in(f"file://{tmp_path}") as claims:
        await claims.claim(TICKETS[0])
        damage(tmp_path, "UPDATE claim SET holder = CAST(x'ff' AS TEXT)")

        assert await claims.claim(TICKETS[0]) is Result.ERROR

    assert remembered(claims).notices == [StoreDown(StoreKind.FILE, DAMAGED, OnError.REFUSE)]


def open_files() -> list[str]:
    return [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


async def test_a_file_that_cannot_be_used_is_closed_at_once(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("not a database" * 100)
    store = SqliteStore(tmp_path, pool="pool", holder="one", deadline_s=1)

    with pytest.raises(StoreError) as failed:  # the kept error keeps the stack frames that opened the file
        await store.contact()

    assert str(file) not in open_files()
    assert failed.value.__context__ is not None
    await store.close()


async def test_after_the_file_is_deleted_all_processes_use_the_same_new_file(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    async with claims_in(url) as first, claims_in(url) as second:
        await first.contact()
        for name in os.listdir(tmp_path):
            os.unlink(tmp_path / name)

        assert [await second.claim(TICKETS[0]), await first.claim(TICKETS[0])] == [Result.WON, Result.USED]


@pytest.mark.parametrize(("age_s", "kept"), [(KEPT_S - 60, True), (KEPT_S + 60, False)])
async def test_a_process_that_opens_the_file_deletes_expired_claims(tmp_path: Path, age_s: float, kept: bool) -> None:
    now = 1_900_000_000.0
    stores = [
        SqliteStore(tmp_path, pool=POOL, holder=holder, deadline_s=2.0, wall=lambda at=at: at)  # type: ignore[misc]
        for holder, at in (("old", now - age_s), ("new", now))
    ]

    await stores[0].claim(ticket_key(TICKETS[0]))
    answer = await stores[1].claim(ticket_key(TICKETS[0]))
    for store in stores:
        await store.close()

    assert answer.mine is not kept
