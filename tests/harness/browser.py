"""A headless Chromium, driven over its DevTools protocol."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

START_S: Final = 30.0
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian's package chromium)")


@dataclass
class BrowserPage:
    """One page. `requests` are the URLs that it has asked for, on any host."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    calls: int = 0

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of one command of the protocol."""
        self.calls += 1
        await self.socket.send_json({"id": self.calls, "method": method, "params": parameters})
        while True:
            message = await self.socket.receive_json(timeout=START_S)
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("id") == self.calls:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def open(self, url: str) -> None:
        await self.call("Network.enable")
        await self.call("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """The value of the expression, once it is true."""
        until = asyncio.get_running_loop().time() + START_S
        while not (value := await self.value(expression)):
            assert asyncio.get_running_loop().time() < until, f"never true: {expression}"
            await asyncio.sleep(0.05)
        return value


@asynccontextmanager
async def browser_page(folder: Path) -> AsyncIterator[BrowserPage]:
    """An empty page in a browser of its own, which keeps its data in this folder and resolves no name but loopback."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run")
    loopback = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM), *options, loopback, f"--user-data-dir={folder}", "about:blank", stdout=silent, stderr=silent
    )
    try:
        port = await debugging_port(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as http:
            targets = await (await http.get(f"http://127.0.0.1:{port}/json/list")).json()
            [address] = [target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page"]
            async with http.ws_connect(address, max_msg_size=0) as socket:
                yield BrowserPage(socket)
    finally:
        process.kill()
        await process.wait()


async def debugging_port(file: Path, process: asyncio.subprocess.Process) -> int:
    """The port that the browser writes into this file once it listens."""
    until = asyncio.get_running_loop().time() + START_S
    while not (written := await asyncio.to_thread(content, file)):
        assert process.returncode is None, "Chromium has ended"
        assert asyncio.get_running_loop().time() < until, "Chromium did not start"
        await asyncio.sleep(0.05)
    return int(written.split()[0])


def content(file: Path) -> str:
    return file.read_text() if file.exists() else ""
