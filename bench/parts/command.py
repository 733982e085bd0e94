"""The common parts of the benchmarks' command lines: the option --json, and the handling of errors."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.parts.processes import BenchError

T = TypeVar("T")


def parser_of(module: str, description: str | None) -> argparse.ArgumentParser:
    """The parser for `bench.MODULE`, with the option `--json FILE`. The help keeps the lines of the description."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to this file")
    return parser


def measured(measure: Callable[[], T], file: Path | None) -> T:
    """Call `measure`, write its result to `file`, and return the result. For a BenchError, exit with its message."""
    try:
        result = measure()
    except BenchError as error:
        sys.exit(str(error))
    if file:
        file.write_text(json.dumps(result, indent=2) + "\n")
    return result
