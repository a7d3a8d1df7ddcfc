"""Writes each failure down as soon as it is known, for runs that do not come to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


class Failures:
    """The failures of one run, in `test-output/failures.log`."""

    def __init__(self, config: pytest.Config) -> None:
        self._file = config.rootpath / "test-output" / "failures.log"
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid} ({report.when})\n{report.longreprtext}\n\n")


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes share the tests, the one that began them hears of all."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(config))
