"""A hook of MkDocs that adds pages and files from outside docs/ to the site.

The pages are written for code hosts such as GitHub, where a page can link to any file of the repository. MkDocs finds
only the files in docs/. So the hook adds PAGES, and every other file that a page links to. A Markdown file becomes a
page, a folder becomes a page that lists its files, and any other text file becomes a page that shows the text. Images
and binary files are copied. The hook changes the links to match. It does not change dead links, so that MkDocs reports
them.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
MERMAID: Final = ROOT / ".cache" / "js" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
IMAGES: Final = frozenset({".png", ".svg", ".jpg", ".gif"})
LANGUAGES: Final = {
    ".go": "go",
    ".proto": "protobuf",
    ".py": "python",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
CONTROL: Final = re.compile(r"[\x00-\x08]")
# Matches a fenced block, which is not changed, or the target of a link: `](target)`, `src="target"`, `srcset="target"`.
FENCE_OR_TARGET: Final = re.compile(
    r"(?P<fence>^(?P<ticks>`{3,})[^\n]*\n.*?^(?P=ticks)`*\s*$)"
    r"|(?P<before>\]\(|\bsrc(?:set)?=\")(?P<path>[^)\s\"#:]+)(?P<anchor>#[^)\s\"]*)?(?=[)\"])",
    re.MULTILINE | re.DOTALL,
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show diagrams as text if Mermaid is not installed, because the theme would fetch it from another host."""
    if not MERMAID.exists():
        config.mdx_configs["pymdownx.superfences"]["custom_fences"] = []
    config.extra["mermaid"] = MERMAID.exists()
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds Mermaid, PAGES, and the files that the pages link to."""
    if MERMAID.exists():
        files.append(File.generated(config, "assets/mermaid.min.js", abs_src_path=str(MERMAID)))
    pages = [ROOT / name for name in PAGES]
    pages += [Path(file.abs_src_path) for file in files.documentation_pages() if file.abs_src_path]
    for path in outside_docs(pages):
        files.append(added(path, config))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Changes the links of a page if the page comes from a file of the repository."""
    source = page.file.abs_src_path
    return rewritten(markdown, Path(source)) if source else markdown


def outside_docs(pages: list[Path]) -> Iterator[Path]:
    """The pages that are outside docs/, and all files outside docs/ that pages link to, directly or indirectly."""
    waiting, seen = list(pages), set(pages)
    while waiting:
        path = waiting.pop()
        if not path.is_relative_to(DOCS):
            yield path
        found = {target for target in links(path) if not target.is_relative_to(DOCS)} - seen
        seen |= found
        waiting += sorted(found)


def links(path: Path) -> Iterator[Path]:
    """The files of the repository that a page links to, or that a folder contains."""
    if path.is_dir():
        yield from listed(path)
    elif path.suffix == ".md":
        for match in FENCE_OR_TARGET.finditer(path.read_text()):
            if target := resolved(match["path"], path):
                yield target


def listed(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders, without hidden files and compiled Python files."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def resolved(target: str | None, source: Path) -> Path | None:
    """The file or folder of the repository that is the target of a link; None if it does not exist."""
    path = (source.parent / target).resolve() if target else None
    return path if path and path.exists() and path.is_relative_to(ROOT) else None


def site_uri(path: Path) -> str:
    """The path on the site before Markdown becomes HTML. Names lose their leading dots: MkDocs skips hidden files."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if name in PAGES:
        return PAGES[name]
    visible = "/".join(part.lstrip(".") for part in name.split("/"))
    if path.is_dir():
        return f"files/{visible}/index.md"
    return f"files/{visible}" if path.suffix in {".md", *IMAGES} or text(path) is None else f"files/{visible}.md"


def text(path: Path) -> str | None:
    """The content of a text file; None for a binary file."""
    try:
        content = path.read_text()
    except UnicodeDecodeError:
        return None
    return None if CONTROL.search(content) else content


def rewritten(markdown: str, source: Path) -> str:
    """The Markdown of the page `source`, with links that work on the site."""
    folder = posixpath.dirname(site_uri(source))

    def place(match: re.Match[str]) -> str:
        target = resolved(match["path"], source)
        if target is None or match["fence"]:
            return match[0]
        return match["before"] + posixpath.relpath(site_uri(target), folder or ".") + (match["anchor"] or "")

    return FENCE_OR_TARGET.sub(place, markdown)


def added(path: Path, config: MkDocsConfig) -> File:
    """The file on the site for a file or folder outside docs/. Only PAGES have to be in the navigation."""
    uri, name = site_uri(path), path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return File.generated(config, uri, abs_src_path=str(path))
    content = contents(path, name) if path.is_dir() else text(path)
    if content is None or path.suffix in {".md", *IMAGES}:
        return File.generated(config, uri, abs_src_path=str(path), inclusion=InclusionLevel.NOT_IN_NAV)
    page = content if path.is_dir() else source_page(name, content)
    return File.generated(config, uri, content=page, inclusion=InclusionLevel.NOT_IN_NAV)


def contents(folder: Path, name: str) -> str:
    """A page that lists the files of a folder."""
    here = posixpath.dirname(site_uri(folder))
    items = [f"- [{path.relative_to(folder)}]({posixpath.relpath(site_uri(path), here)})" for path in listed(folder)]
    return "\n".join([f"# {name}/", "", *items, ""])


def source_page(name: str, content: str) -> str:
    """A page that shows a text file. It is not in the search index, because other pages explain the file."""
    language = LANGUAGES.get(Path(name).suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {name}\n\n``````{language}\n{content.rstrip()}\n``````\n"
