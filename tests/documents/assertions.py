"""Finds test functions that assert nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

# The beginnings of the names of helpers that assert.
HELPERS: Final = ("assert_", "expect_")


def without_assertion(path: Path) -> Iterator[str]:
    """`file::function` for each test function of this file that has no assertion and calls no helper that asserts."""
    for node in ast.walk(ast.parse(path.read_text())):
        if is_test(node) and not any(map(is_assertion, ast.walk(node))):
            yield f"{path.name}::{node.name}"


def is_test(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def is_assertion(node: ast.AST) -> bool:
    """True for `assert`, `pytest.raises(…)`, and a call of a helper whose name begins with one of HELPERS."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name == "raises" or name.startswith(HELPERS)
