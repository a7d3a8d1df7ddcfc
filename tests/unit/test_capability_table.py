"""The command that says which rows of the capability table a run has shown."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "scripts" / "capabilities"


def script() -> ModuleType:
    """The script as a module; its name has no suffix that Python knows."""
    spec = importlib.util.spec_from_loader("table", SourceFileLoader("table", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_mark_belongs_to_the_test_below_it() -> None:
    source = """
    // capability: S1, J1
    test("it connects", async () => {})

    // capability: U1
    // capability: U15
    it.only(`it counts`, () => {})
    test("it has no mark", () => {})
    // capability: D6
    test(
      'it comes back',
      () => {})
    """

    assert script().marked_tests(source) == [
        ({"S1", "J1"}, "it connects"),
        ({"U1", "U15"}, "it counts"),
        ({"D6"}, "it comes back"),
    ]


def test_every_row_of_the_table_is_read() -> None:
    table = (SCRIPT.parents[1] / "docs" / "capabilities.md").read_text()

    rows = dict(script().ROW.findall(table))

    assert rows["S1"].startswith("One call submits")
    assert "N36" in rows
    assert len(rows) == table.count("\n| ") - table.count("\n| row |")
