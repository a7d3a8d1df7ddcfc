"""Records which promised rows the tests that passed have shown: capabilities and faults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^\| ([A-Z]\d+) \|", re.MULTILINE)


class Kind(NamedTuple):
    """A kind of rows: the mark of the tests that show them, and the page that lists them."""

    mark: str
    page: str
    record: str


KINDS = (
    Kind("capability", "docs/capabilities.md", "capabilities.json"),
    Kind("fault", "docs/guarantees.md", "faults.json"),
)


class Record:
    """
    The rows of one kind shown in one run, each with the tests that showed it.

    Where several processes share the tests, the one that began them keeps the record: rows
    travel with the reports.
    """

    def __init__(self, root: Path, kind: Kind) -> None:
        self._mark = kind.mark
        self._property = f"{kind.mark} rows"
        self._page = root / kind.page
        self._file = root / "test-output" / kind.record
        self._shown: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a mark that names no row of the page."""
        known = set(ROW.findall(self._page.read_text(encoding="utf-8")))
        for item in items:
            for row in self._rows(item):
                if row not in known:
                    raise pytest.UsageError(
                        f"{item.nodeid} is marked with {row!r}, which is no row of {self._page}"
                    )

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let the reports of a test tell its rows."""
        item.user_properties.append((self._property, self._rows(item)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the rows of a test that passed."""
        if report.when == "call" and report.passed:
            for row in dict(report.user_properties)[self._property]:
                self._shown.setdefault(row, []).append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record for `scripts/capabilities`."""
        is_helper = hasattr(session.config, "workerinput")
        if not is_helper and not session.config.option.collectonly:
            self._file.parent.mkdir(exist_ok=True)
            self._file.write_text(json.dumps(self._shown, indent=1, sort_keys=True))

    def _rows(self, item: pytest.Item) -> list[str]:
        return [row for mark in item.iter_markers(self._mark) for row in mark.args]


def pytest_configure(config: pytest.Config) -> None:
    """Keep a record of this run."""
    for kind in KINDS:
        config.pluginmanager.register(Record(config.rootpath, kind), f"{kind.mark} record")
