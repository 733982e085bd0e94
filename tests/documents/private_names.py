"""Finds the private names of libraries that the sources and the tests use. docs/upgrading.md must list them."""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.harness.paths import ROOT

PACKAGES: Final = ("realtime_site", "centrifugo_proxy", "fallback", "common", "bridge", "demo", "bench")
OTHER_FOLDERS: Final = ("tests", "tools", "examples")
PRIVATE_NAME: Final = re.compile(r"(?<!\w)_[A-Za-z]")
# Documented names, although they begin with an underscore.
DOCUMENTED: Final = frozenset({"_asdict", "_replace", "_fields", "_make", "_exit"})
DOCUMENTED_OWNERS: Final = frozenset({"KafkaError"})  # confluent-kafka's error codes
NAMED: Final = (
    *(ast.Import, ast.ImportFrom, ast.Attribute, ast.Name),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)

Nodes = Sequence[ast.AST]


class PrivateName(NamedTuple):
    """A private name, and the file that uses it."""

    file: str
    name: str


def private_names() -> set[PrivateName]:
    """Every private name of a foreign object that the sources and the tests import, use, or override."""
    files = dict(parsed())
    return {
        PrivateName(path.relative_to(ROOT).as_posix(), name)
        for path, nodes in files.items()
        for name in (*imported(nodes), *used(nodes, ours_for(path, files)), *overridden(path, nodes))
    }


def parsed() -> Iterator[tuple[Path, Nodes]]:
    """The files that contain a private name. Most tests contain none."""
    for folder in (*PACKAGES, *OTHER_FOLDERS):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if PRIVATE_NAME.search(text):
                yield path, nodes_of(text)


def nodes_of(source: str) -> Nodes:
    """The nodes of this source that can have a name."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, NAMED)]


def ours_for(path: Path, files: dict[Path, Nodes]) -> set[str]:
    """The private names that this file may use although another of our files defines them.

    A file of PACKAGES may use none. Another file may use those of the modules that it imports.
    """
    if path.relative_to(ROOT).parts[0] in PACKAGES:
        return set()
    imports = {node.module or "" for node in files[path] if isinstance(node, ast.ImportFrom)}
    imported_files = {ROOT / f"{module.replace('.', '/')}.py" for module in imports}
    return set().union(*(defined(files[file]) for file in imported_files & files.keys()))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in (*PACKAGES, *OTHER_FOLDERS, "proto")


def imported(nodes: Nodes) -> Iterator[str]:
    """Imported private names and modules of libraries."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and not is_ours(node.module or ""):
            yield from filter(is_private, [*(node.module or "").split("."), *(alias.name for alias in node.names)])
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names if not is_ours(alias.name) for part in alias.name.split(".")]
            yield from filter(is_private, parts)


def used(nodes: Nodes, ours: Set[str] = frozenset()) -> Iterator[str]:
    """Private attributes that neither this file nor `ours` defines."""
    own = defined(nodes) | ours
    for node in nodes:
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            if isinstance(node.value, ast.Name) and node.value.id in DOCUMENTED_OWNERS:
                continue
            yield node.attr


def defined(nodes: Iterable[ast.AST]) -> set[str]:
    """The functions, classes, variables, and attributes of `self` and `cls` that a file defines."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_of_own_class(node.value):
            names.add(node.attr)
    return names


def is_of_own_class(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def overridden(path: Path, nodes: Nodes) -> Iterator[str]:
    """Private names of a library's base class that one of our classes defines or uses."""
    for node in nodes:
        if isinstance(node, ast.ClassDef) and node.bases:
            names = defined_in(node) | attributes_of_self(node)
            yield from names & foreign_private_names(path, node.name) if names else ()


def defined_in(node: ast.ClassDef) -> set[str]:
    return {name for child in node.body for name in defined(ast.walk(child)) if is_private(name)}


def attributes_of_self(node: ast.ClassDef) -> set[str]:
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and is_private(each.attr)}


def foreign_private_names(path: Path, class_name: str) -> set[str]:
    """The private names of the base classes that belong neither to us nor to the standard library."""
    if path.is_relative_to(ROOT / "examples"):
        # All base classes in the examples are from generated modules, which do not exist here.
        return set()
    module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    defining = getattr(importlib.import_module(module), class_name, None)
    bases = defining.__mro__ if isinstance(defining, type) else ()
    return {
        name
        for base in bases
        if not is_ours(base.__module__) and base.__module__.partition(".")[0] not in sys.stdlib_module_names
        for name in (*vars(base), *attributes_of_instances(base))
        if is_private(name)
    }


@cache
def attributes_of_instances(base: type) -> set[str]:
    """The attributes that a class sets on its instances. Empty for a class that is not written in Python."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
    except (OSError, TypeError):  # a class that is written in C
        return set()
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
