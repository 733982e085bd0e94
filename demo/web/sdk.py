"""Centrifugo's JavaScript SDK for browsers, if npm has installed it."""

import shutil
from pathlib import Path
from typing import Final

from demo.process import ROOT

# `make run` installs the SDK into the first folder. `make js` installs it into the second folder, for the tests.
FOLDERS: Final = (ROOT / ".cache" / "page", ROOT / ".cache" / "js")
BUNDLE: Final = Path("node_modules", "centrifuge", "dist", "centrifuge.js")


def find_sdk(folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """The path of the SDK's bundle, which defines the global `Centrifuge`; None if the SDK is not installed."""
    return next((folder / BUNDLE for folder in folders if (folder / BUNDLE).is_file()), None)


def why_direct(centrifugo_url: str | None, sdk: Path | None) -> str:
    """The reason why the page's clients do not use Centrifugo; "" if they use it."""
    if centrifugo_url is None:
        return "Centrifugo is not available. To build it with Go, run make centrifugo."
    if sdk is None and shutil.which("npm") is None:
        return "Centrifugo's JavaScript SDK is not installed. make run installs it if npm is available."
    return "" if sdk else "npm could not fetch Centrifugo's JavaScript SDK. The reason is in .cache/page.log."
