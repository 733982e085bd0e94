"""The samples of the program that watches a service."""

import asyncio

from bench.parts.watch import GIVE_UP_S, PROBES, Samples
from tests.harness.tcp_server import tcp_server


async def reads_and_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_a_connection_that_ends_without_an_answer_counts_as_the_longest_delay_and_gives_no_metrics() -> None:
    samples, path = Samples(), PROBES[0]

    async with tcp_server(reads_and_closes) as port:
        await samples.probe(port, path)
        await samples.scrape(port)

    assert (samples.probes[path], samples.metrics) == ([GIVE_UP_S], [])
