"""docs/guarantees.md names tests that exist, and for each fault all that show it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "guarantees.md").read_text(encoding="utf-8")
FAULT = re.compile(r"^\| ([FR]\d+) \| .+? \| (.*?) ?\|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(test_\w+))?`")


def test_every_fault_row_names_the_tests_that_show_it() -> None:
    shown: dict[str, list[str]] = {}
    for place, test in functions():
        for row in faults(test):
            shown.setdefault(row, []).append(f"`{place}::{test.name}`")

    wanted = {row: ", ".join(shown.get(row, [])) for row in dict(FAULT.findall(PAGE))}
    assert dict(FAULT.findall(PAGE)) == wanted
    assert all(wanted.values()), [row for row, names in wanted.items() if not names]


def test_every_promise_names_tests_that_exist() -> None:
    existing = {(place, test.name) for place, test in functions()}
    existing |= {(place, "") for place, _ in existing}
    named = set(NAMED.findall(PAGE))

    assert named
    assert named <= existing, named - existing


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if node.name.startswith("test_"):
                    yield str(file.relative_to(TESTS)), node


def faults(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The rows that a test is marked with."""
    return [
        str(argument.value)
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault"
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    ]
