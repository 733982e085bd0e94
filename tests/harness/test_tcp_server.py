"""The tests' TCP server leaves no connection open, whatever its handler does."""

import asyncio
import gc
import warnings

import pytest

from tests.harness.late_connection import warnings_of_late_connection
from tests.harness.tcp_server import Handler, tcp_server


async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def ends_without_closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"greeting")


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reads_more_than_arrives(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(1000)


@pytest.mark.parametrize("handler", [never_reads, ends_without_closing, closes, reads_more_than_arrives])
@pytest.mark.parametrize("client_closes_first", [True, False])
def test_every_connection_ends_with_the_server(handler: Handler, client_closes_first: bool) -> None:
    asyncio.run(one_connection(handler, client_closes_first))

    with warnings.catch_warnings(record=True, action="always") as warned:
        gc.collect()
    assert [str(each.message) for each in warned] == []


async def one_connection(handler: Handler, client_closes_first: bool) -> None:
    async with tcp_server(handler) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        if client_closes_first:
            writer.close()
    writer.close()


async def test_an_error_of_the_handler_is_raised_in_the_test() -> None:
    async def fails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise ValueError("a mistake in the test")

    with pytest.raises(ValueError, match="a mistake in the test"):
        await one_connection(fails, client_closes_first=True)


@pytest.mark.parametrize("turns", range(5))
def test_a_connection_that_is_accepted_at_the_end_is_closed(turns: int) -> None:
    warned = warnings_of_late_connection(lambda: tcp_server(never_reads), lambda port: port, turns)

    assert warned == []
