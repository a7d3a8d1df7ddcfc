"""docs/security.md promises nothing that no test shows."""

from __future__ import annotations

import re

import pytest
from tests.unit.test_guarantees import NAMED, TESTS, functions

PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
EXISTING = {(place, test.name) for place, test in functions()}
EXISTING |= {(place, "") for place, _ in EXISTING}
ROW = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<shown>[^|]+) \|$", re.MULTILINE)


def promises() -> list[tuple[str, str]]:
    """The rows of the section that says what stops attackers."""
    section = PAGE.partition("## What stops them\n")[2].partition("\n## ")[0]
    rows = [(row["promise"], row["shown"]) for row in ROW.finditer(section)]
    return [row for row in rows if row != ("promise", "shown by") and set(row[0]) != {"-"}]


@pytest.mark.parametrize(("promise", "shown"), promises())
def test_every_promise_names_tests_that_exist(promise: str, shown: str) -> None:
    named = set(NAMED.findall(shown))

    assert named, promise
    assert named <= EXISTING, named - EXISTING


def test_every_module_of_attacks_is_named() -> None:
    modules = {f"security/{path.name}" for path in (TESTS / "security").glob("test_*.py")}

    assert {place for place, _ in NAMED.findall(PAGE)} >= modules - {"security/test_headers.py"}
