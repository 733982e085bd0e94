"""Reads a configuration (file, environment variables, flags) as its version of Centrifugo does."""

from dataclasses import replace
from typing import Any

from centrifugo_proxy.server_config import layout_v5 as layout5
from centrifugo_proxy.server_config import layout_v6 as layout6
from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.layout import left_over, major_of
from centrifugo_proxy.server_config.parsing import parse
from centrifugo_proxy.server_config.sources.source import Source
from centrifugo_proxy.server_config.sources.variables import applied, votes_of
from centrifugo_proxy.server_config.sources.variables import left_over as unused_variables


def read(text: str, file_format: str, major: int | None = None) -> Configuration:
    """The configuration in a file's text. Raises UnparsableError and RecursionError."""
    return read_source(Source("", text, file_format), major)


def read_source(source: Source, major: int | None = None) -> Configuration:
    """The configuration as Centrifugo reads it from file, variables and flags.

    Raises UnparsableError and RecursionError.
    """
    tree = parse(source.text, source.file_format, 5) if source.text else {}
    decided = major or _major_of(tree, source)
    if decided == 6 and source.text:
        tree = layout6.unfolded(parse(source.text, source.file_format, 6))
    tree = applied(tree, source.variables, source.flags, decided)
    configuration = configuration_of(tree, source.file_format, decided)
    return replace(configuration, left_over=configuration.left_over + unused_variables(source.variables, decided))


def _major_of(tree: dict[str, Any], source: Source) -> int:
    by_variables = votes_of(source.variables, source.flags)
    if tree or by_variables[5] == by_variables[6]:
        return major_of(tree)
    return 5 if by_variables[5] > by_variables[6] else 6


def configuration_of(tree: dict[str, Any], file_format: str, major: int | None = None) -> Configuration:
    """The configuration that this major version reads from the tree. If `major` is None, the layout decides it."""
    decided = major or major_of(tree)
    read_layout = layout5.read if decided == 5 else layout6.read
    return read_layout(tree, file_format, left_over(tree, decided))
