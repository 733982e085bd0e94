"""Builds the documentation as a site, and compares pages of it with their Markdown."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

from tests.harness.paths import ROOT

BLOCKS: Final = frozenset({"h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "tr", "pre", "blockquote"})


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Builds the site into this folder, like `make docs`. Not quiet: MkDocs would not count warnings."""
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder), *options]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603


def article(page: Path) -> str:
    """The HTML of the page's Markdown, without the navigation."""
    [found] = re.findall(r"<article.*?>(.*)</article>", page.read_text(), re.DOTALL)
    return str(found)


def code_host_html(markdown: str) -> str:
    """The HTML that a code host such as GitHub renders: CommonMark with tables."""
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


class _Reader(HTMLParser):
    """Collects what `blocks` and `loaded` return."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self.blocks.append(tag)
        for name, value in attrs:
            if name in {"src", "srcset", "data"} or (tag == "link" and name == "href"):
                self.loaded.append(value or "")


def blocks(html: str) -> list[str]:
    """The block elements in order: headings, lists, tables, code."""
    return _read(html).blocks


def loaded(html: str) -> list[str]:
    """The addresses of scripts and images, and of the links in the head: styles, icons and neighbouring pages."""
    return _read(html).loaded


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader
