"""Tells the reports on a program's standard output from what it prints."""

from __future__ import annotations

import json

from ..tasks.report import KEYS, LINE_LIMIT

QUOTED = tuple(f'"{key}"'.encode() for key in KEYS)


class ReportSieve:
    """
    Takes lines out that are JSON objects with a key of a report; all else stays as it is.

    Only a line that begins like an object is held back until it has ended, and no longer
    than a report can be.
    """

    def __init__(self) -> None:
        self._held = b""
        self._is_within = False
        """Whether what comes next belongs to a line that is known to be no report."""

    def feed(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Take a piece; gives what is printed of it, and the reports in it."""
        printed: list[bytes] = []
        reports: list[bytes] = []
        *lines, last = (self._held + data).split(b"\n")
        self._held = b""
        for line in lines:
            if not self._is_within and _is_report(line):
                reports.append(line)
            else:
                printed.append(line + b"\n")
            self._is_within = False
        if last and not self._is_within and last.startswith(b"{") and len(last) < LINE_LIMIT:
            self._held = last
        elif last:
            self._is_within = True
            printed.append(last)
        return b"".join(printed), reports

    def end(self) -> tuple[bytes, list[bytes]]:
        """Take the end of it all; gives the same of what was held back."""
        held, self._held = self._held, b""
        return (b"", [held]) if _is_report(held) else (held, [])


def _is_report(line: bytes) -> bool:
    # A quick no for the lines that cannot be one.
    if not line.startswith(b"{") or not any(key in line for key in QUOTED):
        return False
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and not found.keys().isdisjoint(KEYS)
