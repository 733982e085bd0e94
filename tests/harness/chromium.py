"""Headless Chromium on loopback, driven over the Chrome DevTools Protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import json
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import websockets

START_S: Final = 30.0
ANSWER_S: Final = 30.0
PATIENCE_S: Final = 20.0
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",  # with its sandbox, Chromium refuses to run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # only loopback can be reached
    "--remote-debugging-port=0",
    "--hide-scrollbars",
    "about:blank",
)


def program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


needs_chromium = pytest.mark.skipif(program() is None, reason="Chromium is not installed (Debian's package chromium)")


class BrowserError(Exception):
    """Chromium did not start, did not answer or refused a command; or a script or a condition on the page failed."""


@dataclass
class Tab:
    """A page in the browser.

    `complaints` are the errors that the browser logs, such as a failed download, and the uncaught exceptions.
    `requests` are the URLs that the page requested, on any host.
    """

    _socket: websockets.ClientConnection
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    answer_s: float = ANSWER_S
    _session: str = ""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _waiting: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol; returns its result. Raises BrowserError."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        try:
            answer = await asyncio.wait_for(self._waiting[number], self.answer_s)
        except TimeoutError:
            raise BrowserError(f"{method}: no answer within {self.answer_s:g} s") from None
        finally:
            del self._waiting[number]
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def listen(self) -> None:
        """Receive messages until the browser has ended."""
        with suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.get(message.get("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self._complain(message["params"])

    def _complain(self, parameters: dict[str, Any]) -> None:
        if "exceptionDetails" in parameters:
            self.complaints.append(str(parameters["exceptionDetails"].get("exception", parameters)))
        elif parameters["entry"]["level"] == "error":
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}".strip())

    async def attach(self) -> None:
        """Open a new page, and use this connection for it."""
        target = (await self.command("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.command("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.command(f"{domain}.enable")

    async def open(self, url: str) -> None:
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def value(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise. Raises BrowserError."""
        answer = await self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{script[:200]}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    async def until(self, condition: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until a JavaScript expression is true; returns its value. Raises BrowserError after `patience_s`."""
        try:
            async with asyncio.timeout(patience_s):
                while not (value := await self.value(condition)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = await self.value("document.body.innerText")
            raise BrowserError(
                f"the condition is still false after {patience_s:.0f} s: {condition}\n{self.complaints}\n{shown}"
            ) from None
        return value

    async def click(self, selector: str) -> None:
        """Scroll to a button and click it with the mouse."""
        place = json.dumps(selector)
        box = await self.value(
            f"(() => {{ const e = document.querySelector({place}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            x, y = box
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, for example `press("Tab", 9)`."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.command("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    async def type(self, text: str) -> None:
        """Type into the focused element."""
        await self.command("Input.insertText", text=text)

    async def size(self, width: int, height: int, scale: float = 1) -> None:
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    async def prefer(self, **features: str) -> None:
        """Emulate media features, with `_` for `-`: `prefer(prefers_color_scheme="dark")`."""
        chosen = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.command("Emulation.setEmulatedMedia", features=chosen)

    async def screenshot(self, **options: Any) -> bytes:
        return base64.b64decode((await self.command("Page.captureScreenshot", **options))["data"])


@asynccontextmanager
async def browser_tab() -> AsyncIterator[Tab]:
    """A new page in a new browser with an empty profile; both end together. Raises BrowserError."""
    executable = program()
    assert executable is not None
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            executable,
            f"--user-data-dir={folder}",
            *OPTIONS,
            env={"PATH": os.environ["PATH"], "HOME": folder},
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        try:
            async with websockets.connect(
                await devtools_url(process, Path(folder)), max_size=None, proxy=None
            ) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                await tab.attach()
                yield tab
                await _close(tab)
                await asyncio.wait_for(process.wait(), START_S)
                await listening
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _close(tab: Tab) -> None:
    """Ask the browser to end itself and its renderers."""
    tab._session = ""
    with suppress(websockets.ConnectionClosed):
        await tab.command("Browser.close")


async def devtools_url(process: asyncio.subprocess.Process, folder: Path, start_s: float = START_S) -> str:
    """The WebSocket URL of the protocol: Chromium writes its port and path into its profile. Raises BrowserError."""
    file = folder / "DevToolsActivePort"
    try:
        async with asyncio.timeout(start_s):
            while process.returncode is None:
                lines = file.read_text().split() if file.exists() else []
                if len(lines) == 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise BrowserError(f"Chromium has no port after {start_s:g} s.") from None
    raise BrowserError(f"Chromium ended with code {process.returncode}.")
