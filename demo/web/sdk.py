"""Centrifugo's JavaScript SDK for browsers, if npm has installed it."""

import shutil
from pathlib import Path
from typing import Final

from demo.process import ROOT

# `make run` installs it into the first folder, `make js` into the second, for the tests.
FOLDERS: Final = (ROOT / ".cache" / "page", ROOT / ".cache" / "js")
BUNDLE: Final = Path("node_modules", "centrifuge", "dist", "centrifuge.js")


def find_sdk(folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """The bundle with its global `Centrifuge`; None if it is not installed."""
    return next((folder / BUNDLE for folder in folders if (folder / BUNDLE).is_file()), None)


def why_direct(centrifugo_url: str | None, sdk: Path | None) -> str:
    """Why the page's clients go without Centrifugo; "" if they do not."""
    if centrifugo_url is None:
        return "There is no Centrifugo here: make centrifugo builds it, with Go."
    if sdk is None and shutil.which("npm") is None:
        return "Centrifugo's JavaScript SDK is not installed: make run fetches it where npm is installed."
    return "" if sdk else "npm could not fetch Centrifugo's JavaScript SDK; .cache/page.log has the reason."
