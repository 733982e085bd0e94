"""Writes a configuration with comments as JSON, YAML or TOML."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import tomli_w
import yaml

from centrifugo_proxy.server_config import go_yaml

FORMATS: Final = ("json", "yaml", "toml")
COMMENT_WIDTH: Final = 100


class Commented(NamedTuple):
    """A value with a comment for readers of the file."""

    value: Any
    comment: str


Tree = dict[str, Any]


def render(tree: Tree, file_format: str) -> str:
    """The text of the file. In JSON the comments are left out."""
    writers = {"json": _json, "yaml": _yaml, "toml": _toml}
    return writers[file_format](tree)


def plain(node: Any) -> Any:
    """The node without its comments."""
    match node:
        case Commented(value, _):
            return plain(value)
        case dict():
            return {key: plain(value) for key, value in node.items()}
        case list():
            return [plain(value) for value in node]
    return node


def comment_lines(node: Any) -> list[str]:
    """The wrapped lines of the node's comment, each with a leading #."""
    comment = node.comment if isinstance(node, Commented) else ""
    return [f"# {line}" for line in textwrap.wrap(comment, COMMENT_WIDTH)]


def _json(tree: Tree) -> str:
    return json.dumps(plain(tree), indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Quotes strings that Go would read as another type, such as 1e100."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if go_yaml.is_text(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _yaml(tree: Tree) -> str:
    return "\n".join(_yaml_lines(tree)) + "\n"


def _yaml_lines(tree: Tree) -> Iterator[str]:
    for key, node in tree.items():
        yield from comment_lines(node)
        value = node.value if isinstance(node, Commented) else node
        if isinstance(value, dict):
            yield f"{key}:"
            yield from (f"  {line}" for line in _yaml_lines(value))
        else:
            text = yaml.dump({key: plain(value)}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
            yield from text.splitlines()


def _toml(tree: Tree) -> str:
    return "\n".join(_toml_lines(tree, ())).strip("\n") + "\n"


def _toml_lines(table: Tree, path: tuple[str, ...]) -> Iterator[str]:
    """Write a table's plain values before its inner tables.

    After the header of an inner table, the values would belong to that inner table.
    """
    nodes = [(key, node, node.value if isinstance(node, Commented) else node) for key, node in table.items()]
    for key, node, value in nodes:
        if not isinstance(value, dict):
            yield from comment_lines(node)
            yield f"{key} = {_toml_value(value)}"
    for key, node, value in nodes:
        if isinstance(value, dict):
            yield ""
            yield from comment_lines(node)
            yield f"[{'.'.join((*path, key))}]"
            yield from _toml_lines(value, (*path, key))


def _toml_value(node: Any) -> str:
    """The value on one line: TOML does not allow line breaks in inline tables."""
    match plain(node):
        case dict() as table:
            return "{ " + ", ".join(f"{key} = {_toml_value(value)}" for key, value in table.items()) + " }"
        case list() as values:
            return "[" + ", ".join(map(_toml_value, values)) + "]"
        case scalar:
            return tomli_w.dumps({"key": scalar}).removeprefix("key = ").rstrip("\n")
