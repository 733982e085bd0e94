"""Runs a module of the page in Node.js."""

import json
import re
import subprocess
from typing import Any

from tests.harness.paths import ROOT

PAGE = ROOT / "demo" / "page"


def printed(name: str, script: str) -> Any:
    """The JSON that `script` prints. The script can use what dom.js and the module `name` define."""
    module = "\n".join((PAGE / each).read_text() for each in ("dom.js", name))
    module = re.sub(r'^import .* from "\./dom\.js";$', "", module, flags=re.MULTILINE)
    command = ["node", "--input-type=module"]
    ended = subprocess.run(  # noqa: S603
        command, input=f"{module}\n{script}", capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(ended.stdout)
