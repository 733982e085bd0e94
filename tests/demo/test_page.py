"""The page of `make run` in a browser: an outage from its beginning to its end.
With SCREENSHOTS=FOLDER the screenshots of the documentation are written to that folder (`make screenshots`).
"""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from demo.stage import running_stage
from tests.demo.test_run import answers, needs_centrifugo, running_demo
from tests.harness.axe import needs_axe, serious_faults
from tests.harness.chromium import Tab, browser_tab, needs_chromium
from tests.harness.listening import listening_addresses
from tests.harness.node import needs_node
from tools.ports import free_port

pytestmark = [
    needs_chromium,
    needs_node,
    needs_axe,
    pytest.mark.processes,
    pytest.mark.xdist_group("page"),
]

FOLDER = os.environ.get("SCREENSHOTS", "")
PHONE, DESK = (375, 812), (1280, 860)
# A busy machine connects fifty clients slowly.
PATIENCE_S = 60.0


def number(of: str) -> str:
    return f"Number(document.querySelector('[data-count={of}]').textContent)"


def phase(name: str) -> str:
    return f"document.body.dataset.phase === '{name}'"


def shows(place: str, text: str) -> str:
    return f"document.getElementById('{place}').innerText.includes({text!r})"


async def check_light_dark_and_phone(tab: Tab) -> None:
    """Check that axe finds no serious fault in the light and the dark page, and that both fit on a phone's screen."""
    for scheme in ("light", "dark"):
        await tab.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        assert await serious_faults(tab) == [], scheme
        await tab.size(*PHONE)
        assert await tab.value("document.documentElement.scrollWidth") == PHONE[0]
        await tab.size(*DESK)
    await tab.prefer()


async def take_pictures(tab: Tab) -> None:
    """Write the screenshots of the documentation."""
    await tab.value("document.activeElement.blur()")
    for scheme in ("light", "dark"):
        await tab.prefer(prefers_color_scheme=scheme)
        for name, (width, height), scale in (("page", DESK, 1), ("page-phone", PHONE, 2)):
            await tab.size(width, height, scale)
            await tab.value("scrollTo(0, 0)")
            await asyncio.sleep(1.5)  # until colours have changed and dots are moving
            image = await tab.screenshot(format="webp", quality=82)
            (Path(FOLDER) / f"{name}-{scheme}.webp").write_bytes(image)
    await tab.size(*DESK)
    await tab.prefer()


@needs_centrifugo
async def test_the_page_shows_an_outage_and_ctrl_c_ends_all_processes_while_clients_are_connected(
    tmp_path: Path,
) -> None:
    with running_demo(tmp_path) as (process, printed):
        async with browser_tab() as tab:
            await tab.size(*DESK)
            await tab.open(address_of_the_page(printed))
            await identity_decides(tab)
            await an_outage_begins(tab)
            await check_light_dark_and_phone(tab)
            if FOLDER:
                await take_pictures(tab)
            await clients_return(tab)
            addresses = listening_addresses(process.pid)

            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=30)
            await tab.until(shows("headline", "make run has ended"))

    assert (
        process.returncode,
        rest.endswith("The demonstration has ended. All processes have exited, and all temporary files are removed.\n"),
    ) == (0, True)
    assert os.listdir(tmp_path) == []
    assert {address for address, _ in addresses} == {"127.0.0.1"}
    assert [port for _, port in addresses if answers(port)] == []
    assert [each for each in tab.requests if "?" in each and "/api/state?after=" not in each] == []
    assert [each for each in tab.complaints if "ERR_CONNECTION" not in each] == []


def address_of_the_page(printed: str) -> str:
    """The page's address, which is in the first line."""
    [address] = re.findall(r"http://127\.0\.0\.1:\d+", printed.splitlines()[0])
    return str(address)


async def identity_decides(tab: Tab) -> None:
    """Clients connect through Centrifugo. The two that belong to the family receive a message."""
    await tab.until(phase("well"))
    assert await tab.value(shows("mode", "Through Centrifugo."))
    if FOLDER:
        await tab.click("#connect-fifty")
    for _ in range(3):
        await tab.click("#connect-one")
    await tab.until("document.querySelectorAll('.dot').length")
    await tab.until(f"{number('in')} === {53 if FOLDER else 3}", PATIENCE_S)
    await tab.click("#message")
    await tab.type("Dinner at seven")
    await tab.press("Enter", 13, "\r")
    await tab.until(shows("messages", "received by 2 clients"))
    await tab.until(shows("messages", "neighbour may not join the chat: not allowed."))


async def an_outage_begins(tab: Tab) -> None:
    """Clients connect with fallback tickets, and may not join the chat."""
    await tab.click("[data-identity=down]")
    await tab.until(shows("headline", "The service has not noticed yet"))
    await tab.click("#connect-one")
    await tab.until(phase("outage"))
    await tab.until(f"{number('fallback')} === 1", PATIENCE_S)
    await tab.until(shows("messages", "may not join the chat: not while the connection is degraded."))
    await tab.value("document.querySelector('#sender').selectedIndex = 3")
    await tab.click("#message")
    await tab.type("Is anyone there?")
    await tab.press("Enter", 13, "\r")
    await tab.until(shows("messages", "message was refused: not while the connection is degraded."))
    await tab.value("document.querySelector('#message').value = ''")
    await tab.click("#connect-fifty")
    await tab.until(f"{number('fallback')} === 51", PATIENCE_S)
    await tab.until(shows("timeline", "below the low watermark of 20"))
    await tab.until("document.getElementById('pool-count').innerText === '9 of 60'")
    assert await tab.value("document.querySelectorAll('#pool-cells .spent').length") == 51
    assert await tab.value("document.querySelectorAll('#chart-outcomes rect.fallback').length") > 0
    assert await tab.value("document.querySelector('#chart-tickets').getAttribute('aria-label')") == (
        "Fallback tickets left: 9 of 60; the low watermark is 20"
    )


async def clients_return(tab: Tab) -> None:
    """Identity is back, and all clients connect as their users again."""
    all_of_them = await tab.value(f"{number('in')} + {number('fallback')}")
    await tab.click("[data-identity=up]")
    await tab.until(f"{phase('well')} || {phase('recovering')}")
    await tab.click("#reconnect")
    await tab.until(f"{number('in')} === {all_of_them}", PATIENCE_S)
    await tab.until(phase("well"))
    await tab.until(shows("timeline", "51 clients are connected without a fallback ticket again."))
    await tab.until(shows("timeline", "Identity decides about every connection again, after"))


async def test_without_centrifugo_the_page_explains_it_and_works_by_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "error")
    async with running_stage(free_port(), None) as stage, browser_tab() as tab:
        await tab.size(*DESK)
        await tab.prefer(prefers_reduced_motion="reduce")
        await tab.open(stage.page_url)
        await tab.until(phase("well"))
        mode = await tab.value("document.getElementById('mode').innerText")
        for _ in range(2):
            await by_keyboard(tab, "connect-one")
        await tab.until(f"{number('in')} === 2")
        await by_keyboard(tab, "lock")
        await tab.until(shows("messages", "child may not join the chat: locked by a parent."))
        await by_keyboard(tab, "lock")
        await tab.until(shows("messages", "child is in the chat again."))
        await tab.value("document.querySelector('[data-identity=hanging]').id = 'hanging'")
        await by_keyboard(tab, "hanging")
        await by_keyboard(tab, "connect-one")
        await tab.until(phase("outage"))
        await tab.until(f"{number('fallback')} === 1")
        pressed = await tab.value("document.getElementById('hanging').ariaPressed")
        dots = await tab.value("document.querySelectorAll('.dot').length")

    assert mode == (
        "Without Centrifugo. The page’s server itself sends requests to the service, like Centrifugo. "
        "Centrifugo is not available. To build it with Go, run make centrifugo."
    )
    assert (pressed, dots) == ("true", 0)
    assert tab.complaints == []


async def by_keyboard(tab: Tab, name: str) -> None:
    """Move to a button with the Tab key, and press it with the space bar."""
    for _ in range(30):
        await tab.press("Tab", 9)
        if await tab.value("document.activeElement.id") == name:
            break
    assert await tab.value("document.activeElement.matches(':focus-visible') && document.activeElement.id") == name
    await tab.press(" ", 32, " ")
