"""The documentation as a site: the strict build passes, and the site works in a browser.

The site shows the same as a code host such as GitHub.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.documents.pages import PAGES
from tests.documents.site import article, blocks, build, code_host_html, loaded
from tests.harness.chromium import Tab, browser_tab, needs_chromium
from tests.harness.http_server import http_server
from tests.harness.node import needs_node
from tests.harness.paths import ROOT
from tools.site_hook import site_uri

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("site")]  # one worker builds the site for all tests


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    ended = build(folder)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture(scope="module")
def site_url(site: Path) -> Iterator[str]:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http_server(partial(Silent, directory=str(site))) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[Tab]:
    async with browser_tab() as tab:
        yield tab


def on_site(page: Path) -> Path:
    """The path of this page on the site."""
    return Path(re.sub(r"(README)?\.md$", lambda found: "index.html" if found[1] else ".html", site_uri(page)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_site_shows_the_same_blocks_as_a_code_host(site: Path, page: Path) -> None:
    on_the_code_host = blocks(code_host_html(page.read_text()))

    assert blocks(article(site / on_site(page))) == on_the_code_host


def test_a_link_to_a_file_outside_docs_leads_to_a_page_that_shows_the_file(site: Path) -> None:
    assert 'href="files/policy.example.toml.html"' in article(site / "events.html")
    assert "ask_family_service" in article(site / "files" / "policy.example.toml.html")


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))

    addresses = {address for page in pages for address in loaded(page.read_text())}

    assert len(pages) > len(PAGES)
    assert {address for address in addresses if re.match(r"(\w+:)?//", address)} == set()


def test_no_style_sheet_loads_anything_from_another_host(site: Path) -> None:
    styles = "".join(path.read_text() for path in site.rglob("*.css"))

    assert styles
    assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*", styles) == []


def test_every_page_can_be_searched(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    searched = {entry["location"].partition("#")[0] for entry in index["docs"]}

    assert {on_site(page).as_posix() for page in PAGES} - searched == set()


@needs_chromium
async def test_the_search_finds_a_section(site_url: str, browser: Tab) -> None:
    await browser.open(f"{site_url}/index.html?q=noeviction")

    found = await browser.until("document.querySelector('.md-search-result__item a')?.href")

    assert found.startswith(f"{site_url}/fleet.html")


@needs_node
@needs_chromium
async def test_diagrams_are_drawn_without_a_request_to_another_host(site_url: str, browser: Tab) -> None:
    await browser.open(f"{site_url}/index.html")

    drawn = await browser.until("document.querySelectorAll('div.mermaid').length")

    assert drawn == (ROOT / "README.md").read_text().count("```mermaid")
    assert {url for url in browser.requests if not url.startswith((site_url, "data:"))} == set()


# A fault on a page, and the error of the strict build.
FAULTS = {
    "[no page](nowhere.md)": "contains a link 'nowhere.md', but the target is not found among documentation files",
    "[no heading](index.md#nowhere)": "contains a link 'index.md#nowhere', but there is no such anchor",
    "[no file](../deploy/nowhere.yml)": "contains a link '../deploy/nowhere.yml', but the target",
    "[absolute](/index.html)": "contains an absolute link '/index.html'",
}


@pytest.mark.parametrize(("fault", "error"), FAULTS.items(), ids=["page", "anchor", "file", "absolute"])
def test_a_dead_link_fails_the_build(tmp_path: Path, fault: str, error: str) -> None:
    configuration = project(tmp_path, {"index.md": f"# Page\n\n{fault}\n"})

    ended = build(tmp_path / "site", "--config-file", str(configuration))

    assert ended.returncode == 1
    assert error in ended.stderr


def test_a_page_that_is_not_in_the_navigation_fails_the_build(tmp_path: Path) -> None:
    configuration = project(tmp_path, {"index.md": "# Page\n", "orphan.md": "# Page\n"})

    ended = build(tmp_path / "site", "--config-file", str(configuration))

    assert ended.returncode == 1
    assert 'not included in the "nav" configuration' in ended.stderr
    assert "orphan.md" in ended.stderr


def project(folder: Path, pages: dict[str, str]) -> Path:
    """A configuration like ours, but with these pages and without the hook. Only index.md is in the navigation."""
    (folder / "docs").mkdir()
    for name, text in pages.items():
        (folder / "docs" / name).write_text(text)
    own = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "theme": {"custom_dir": str(ROOT / "tools" / "site" / "overrides")},
        "hooks": [],
        "nav": ["index.md"],
    }
    configuration = folder / "mkdocs.yml"
    configuration.write_text(json.dumps(own))
    return configuration
