"""Records which rows of docs/capabilities.md the tests that passed have shown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = re.compile(r"^\| ([A-Z]\d+) \|", re.MULTILINE)


class Record:
    """The rows shown in one run, each with the tests that showed it."""

    def __init__(self, root: Path) -> None:
        self._table = root / "docs" / "capabilities.md"
        self._file = root / "test-output" / "capabilities.json"
        self._shown: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a mark that names no row of the table."""
        known = set(ROW.findall(self._table.read_text(encoding="utf-8")))
        for item in items:
            for row in _rows(item):
                if row not in known:
                    raise pytest.UsageError(
                        f"{item.nodeid} is marked with {row!r}, which is no row of {self._table}"
                    )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """Note the rows of a test that passed."""
        report: pytest.TestReport = yield
        if report.when == "call" and report.passed:
            for row in _rows(item):
                self._shown.setdefault(row, []).append(item.nodeid)
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record for `scripts/capabilities`."""
        if not session.config.option.collectonly:
            self._file.parent.mkdir(exist_ok=True)
            self._file.write_text(json.dumps(self._shown, indent=1, sort_keys=True))


def pytest_configure(config: pytest.Config) -> None:
    """Keep a record of this run."""
    config.pluginmanager.register(Record(config.rootpath), "capabilities record")


def _rows(item: pytest.Item) -> list[str]:
    return [row for mark in item.iter_markers("capability") for row in mark.args]
