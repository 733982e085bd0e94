"""The pool and its file."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tickets import MAX_TICKET_CHARACTERS
from fallback.tickets import LoadStatus, MalformedPool, TicketPool, digest, load, parse


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tickets.txt"


@pytest.mark.parametrize(
    ("content", "tickets"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\rb\rc", ["a", "b", "c"]),
        ("a\r\n\rb\n\rc\r", ["a", "b", "c"]),
        ("\ufeffa\nb", ["a", "b"]),
        ("\ufeff# a comment\na", ["a"]),
        ("  a \t\n\t b\n", ["a", "b"]),
        ("\n\na\n   \n\nb\n\n", ["a", "b"]),
        ("# one\na\n  # two\nb#not-a-comment\n", ["a", "b#not-a-comment"]),
        ("ü-ticket\n", ["ü-ticket"]),
        ("a b\n", ["a b"]),
        ("", []),
        ("\ufeff", []),
        ("a\n\ufeffb", ["a", "\ufeffb"]),
        ("# nothing\n\r\n", []),
    ],
)
def test_a_pool_file_has_one_ticket_per_line(content: str, tickets: list[str]) -> None:
    assert list(parse([content.encode()])) == tickets


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"a\n" + b"b" * 4097, "line 2 has more than 4096 characters, so it is not a ticket"),
        ("a\nb\n".encode("utf-16-le"), "line 1 has a NUL character; save the file as UTF-8"),
        ("a\nb\n".encode("utf-16-be"), "line 1 has a NUL character; save the file as UTF-8"),
        ("a\nb\n".encode("utf-16"), "not UTF-8 at line 1"),
    ],
)
def test_a_file_with_a_line_that_no_client_can_send_as_a_ticket_is_unreadable(
    file: Path, content: bytes, detail: str
) -> None:
    file.write_bytes(content)

    loaded = load(str(file), 0)

    assert (loaded.status, loaded.detail, len(loaded.pool)) == (LoadStatus.UNREADABLE, detail, 0)


def test_a_long_comment_and_the_longest_ticket_are_accepted(file: Path) -> None:
    file.write_text(f"#{'c' * 5000}\n{'ü' * MAX_TICKET_CHARACTERS}\n")

    assert len(load(str(file), 0).pool) == 1


@given(st.lists(st.sampled_from(["a", "ü", " ", "#", "\r", "\n", "\r\n", "\ufeff"]), max_size=30), st.integers(1, 4))
def test_a_file_that_is_read_in_parts_has_the_same_tickets(pieces: list[str], size: int) -> None:
    content = "".join(pieces).encode()
    parts = [content[start : start + size] for start in range(0, len(content), size)]

    assert list(parse(parts)) == list(parse([content]))


def test_a_loaded_pool_counts_duplicates_once(file: Path) -> None:
    file.write_text("a\nb\na\n a\n")

    loaded = load(str(file), low_watermark=1)

    assert (loaded.status, len(loaded.pool), loaded.pool.initial_size, loaded.duplicates, loaded.detail) == (
        (LoadStatus.LOADED, 2, 2, 2, "")
    )


def test_without_a_path_there_is_no_pool() -> None:
    assert load("", 1000).status is LoadStatus.DISABLED


def test_a_file_that_does_not_exist_is_missing(file: Path) -> None:
    loaded = load(str(file), 1000)

    assert (loaded.status, loaded.detail, len(loaded.pool)) == (LoadStatus.MISSING, "no such file", 0)


def test_a_directory_is_unreadable(tmp_path: Path) -> None:
    loaded = load(str(tmp_path), 1000)

    assert (loaded.status, loaded.detail, len(loaded.pool)) == (LoadStatus.UNREADABLE, "Is a directory", 0)


def test_a_path_through_a_file_is_unreadable(file: Path) -> None:
    file.write_text("a")

    assert load(f"{file}/tickets", 1000).status is LoadStatus.UNREADABLE


@pytest.mark.timeout(5)
def test_a_pipe_or_a_device_is_unreadable_and_not_waited_for(file: Path) -> None:
    os.mkfifo(file)

    for path in (str(file), "/dev/zero"):
        loaded = load(path, 1000)

        assert (loaded.status, loaded.detail) == (LoadStatus.UNREADABLE, "not a regular file")


@pytest.mark.parametrize("content", [b"a\r\nb\r\n\xff", b"a\rb\r\xff", "\ufeffü\n\nx".encode() + b"\xff"])
def test_the_number_of_a_line_that_is_not_utf8_counts_every_kind_of_line_break(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert load(str(file), 1000).detail == "not UTF-8 at line 3"


def test_a_file_that_is_not_utf8_is_unreadable_and_its_line_is_named(file: Path) -> None:
    file.write_bytes(b"a\nb\n\xff\xfe\nd\n")

    loaded = load(str(file), 1000)

    assert (loaded.status, loaded.detail, len(loaded.pool)) == (LoadStatus.UNREADABLE, "not UTF-8 at line 3", 0)


@pytest.mark.parametrize("end", [b"", b"\nb\n"])
def test_a_file_with_a_line_that_is_too_long_is_unreadable_and_the_line_is_named(file: Path, end: bytes) -> None:
    file.write_bytes(b"a\n" + b"x" * 200_000 + end)

    loaded = load(str(file), 1000)

    assert (loaded.status, loaded.detail) == (LoadStatus.UNREADABLE, "line 2 is longer than 64 KiB")


LONGEST_LINE = 64 * 1024


@pytest.mark.parametrize("part", [1000, LONGEST_LINE, 10 * LONGEST_LINE])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\nb\n"])
@pytest.mark.parametrize("before", ["", "\ufeff", "\ufeffa\n", "a\r\n"])
def test_the_limit_of_a_line_depends_neither_on_its_place_nor_on_how_the_file_is_read(
    before: str, end: str, part: int
) -> None:
    def tickets(line: str) -> list[str]:
        content = (before + line + end).encode()
        return list(parse(content[start : start + part] for start in range(0, len(content), part)))

    assert tickets("#" * LONGEST_LINE) == tickets("")
    assert "x" in tickets("x" + " " * (LONGEST_LINE - 1))
    assert "x" in tickets(" " * (LONGEST_LINE - 2) + "x\t")
    for line in ("x" * (LONGEST_LINE + 1), "#" + "x" * LONGEST_LINE, "x" * LONGEST_LINE + " "):
        with pytest.raises(MalformedPool, match=f"^line {2 if 'a' in before else 1} is longer than 64 KiB$"):
            tickets(line)


def test_the_rest_of_a_line_that_is_too_long_is_not_read() -> None:
    chunks = iter([b"a\n", *[b"x" * LONGEST_LINE] * 4])

    with pytest.raises(MalformedPool, match="line 2 is longer than 64 KiB"):
        list(parse(chunks))

    assert len(list(chunks)) == 2


def test_a_file_that_is_too_large_is_unreadable(file: Path) -> None:
    file.touch()
    os.truncate(file, 2**40)  # sparse: it takes no space

    loaded = load(str(file), 1000)

    assert (loaded.status, loaded.detail) == (LoadStatus.UNREADABLE, "larger than 512 MiB")


def test_a_file_without_a_ticket_is_empty(file: Path) -> None:
    file.write_text("# rolled out next week\n\n")

    loaded = load(str(file), 1000)

    assert (loaded.status, loaded.detail, len(loaded.pool)) == (LoadStatus.EMPTY, "no ticket in the file", 0)


def test_a_ticket_is_consumed_once() -> None:
    pool = TicketPool.of(["a", "b"], low_watermark=0)

    assert [pool.consume("a"), pool.consume("a")] == [True, False]
    assert ("a" in pool, "b" in pool, len(pool)) == (False, True, 1)


def test_an_unknown_ticket_does_not_change_the_pool() -> None:
    pool = TicketPool.of(["a"], low_watermark=1)

    assert not pool.consume("b")
    assert len(pool) == 1


def test_a_restored_ticket_can_be_consumed_again() -> None:
    pool = TicketPool.of(["a", "b"], low_watermark=0)
    pool.consume("a")
    pool.restore("a")

    assert (len(pool), pool.consume("a"), pool.consume("a")) == (2, True, False)


def test_the_key_of_a_pool_for_claims_is_the_documented_one() -> None:
    assert TicketPool.of(["ticket-b", "ticket-a"], low_watermark=0).claims_key() == "c1c026d60d75bc3a"


def test_the_watermark_is_crossed_only_once_and_only_downwards() -> None:
    pool = TicketPool.of("abcde", low_watermark=3)

    crossed = [pool.crosses_watermark(left) for left in (4, 3, 2, 1, 3, 2)]

    assert crossed == [False, False, True, False, False, False]


@pytest.mark.parametrize("watermark", [0, 3, 1000])
def test_a_watermark_of_zero_or_above_the_initial_size_is_never_crossed(watermark: int) -> None:
    pool = TicketPool.of("ab", low_watermark=watermark)

    assert not any(pool.crosses_watermark(left) for left in (1, 0))


def test_a_pool_keeps_only_digests_and_hides_them_in_its_representation() -> None:
    pool = TicketPool.of(["a-ticket"], low_watermark=0)

    assert set(pool._digests) == {hashlib.sha256(b"a-ticket").digest()}
    assert repr(pool) == "TicketPool(low_watermark=0, initial_size=1)"


def test_a_ticket_with_a_lone_surrogate_has_a_digest_but_is_never_in_a_pool() -> None:
    pool = TicketPool.of(["a"], low_watermark=0)

    assert not pool.consume("\ud800")
    assert len(digest("\ud800")) == 32
