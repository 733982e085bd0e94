"""The errors about a browser that does not start, or does not answer."""

import asyncio
import sys
from pathlib import Path

import pytest
import websockets

from tests.harness.chromium import BrowserError, Tab, devtools_url


async def ignores(socket: websockets.ServerConnection) -> None:
    await socket.wait_closed()


async def test_a_command_without_an_answer_raises_a_browser_error_that_names_it() -> None:
    async with websockets.serve(ignores, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
            with pytest.raises(BrowserError, match=r"^Page\.enable: no answer within 0\.05 s$"):
                await Tab(socket, answer_s=0.05).command("Page.enable")


@pytest.mark.processes
async def test_a_browser_that_does_not_start_raises_a_browser_error(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    try:
        with pytest.raises(BrowserError, match=r"^Chromium has no port after 0\.05 s\.$"):
            await devtools_url(process, tmp_path, start_s=0.05)
    finally:
        process.kill()
        await process.wait()
