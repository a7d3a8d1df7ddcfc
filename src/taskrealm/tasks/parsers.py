"""Parsers for the progress that well-known programs print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .progress import FfmpegProgress, Percent, Progress, ProgressParser, without_colours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


class RsyncProgress(ProgressParser):
    """
    Understands rsync with `--info=progress2`, which tells how much of all files is done.

    With `--no-inc-recursive` it knows from the start how much there is.
    """

    _LINE = re.compile(
        r"^ *[\d.,]+[KMGTP]? +(?P<percent>\d{1,3})% +(?P<rate>[\d.,]+[kKMGTP]?B/s)"
        r" +(?P<time>[\d:?]+)(?P<end> +\(xfr#\d+, (?:to|ir)-chk=(?P<left>\d+)/(?P<total>\d+)\))?",
        re.MULTILINE,
    )

    def read(self, stream: str, lines: str) -> Progress | None:
        """The progress at the last line that tells one."""
        latest = _last(self._LINE, without_colours(lines))
        if latest is None:
            return None
        # At the end of a file stands the time that has passed, not the time left.
        eta = None if latest["end"] else _seconds(latest["time"])
        return Progress(int(latest["percent"]) / 100, latest["rate"], eta)

    def read_open(self, stream: str, line: str) -> Progress | None:
        """The progress while a file is copied; two spaces are the last that rsync writes then."""
        return self.read(stream, line) if line.endswith("  ") else None


class RsyncFilesProgress(ProgressParser):
    """
    Understands rsync with `--progress`, which tells how much of each file is done.

    How much is done of all follows from the number of files, however large each is.
    """

    _LINE = RsyncProgress._LINE

    def __init__(self) -> None:
        self._done = 0.0  # of all files, the fraction that is done
        self._share = 0.0  # of one file, if it is known how many there are

    def read(self, stream: str, lines: str) -> Progress | None:
        """The progress at the last line that tells one."""
        progress = None
        for line in self._LINE.finditer(without_colours(lines)):
            if line["end"]:
                total = int(line["total"])
                self._done = 1 - int(line["left"]) / total if total > 0 else 1.0
                self._share = 1 / total if total > 0 else 0.0
                progress = Progress(self._done, line["rate"])
            elif self._share > 0:
                within = int(line["percent"]) / 100 * self._share
                progress = Progress(min(self._done + within, 1.0), line["rate"])
            else:
                progress = Progress(None, line["rate"])
        return progress

    def read_open(self, stream: str, line: str) -> Progress | None:
        """As `RsyncProgress` does."""
        return self.read(stream, line) if line.endswith("  ") else None


class CurlProgress(ProgressParser):
    """Understands the table of curl, and its bar (`-#`); of one download, on standard error."""

    _TABLE = re.compile(
        r"^ *(?P<percent>\d{1,3}) +(?P<size>[\d.]+[kMGTP]?)(?: +\d{1,3} +[\d.]+[kMGTP]?){2}"
        r" +\S+ +\S+ +\S+ +\S+ +(?P<left>[-\d:]+) +(?P<rate>[\d.]+[kMGTP]?) *$",
        re.MULTILINE,
    )
    _WIDTH = 78  # columns of a row of the table
    _BAR = re.compile(r"^#* *(?P<percent>\d{1,3}\.\d)% *$", re.MULTILINE)

    def read(self, stream: str, lines: str) -> Progress | None:
        """The progress at the last line that tells one."""
        for line in reversed(without_colours(lines).split("\n")):
            if found := self._TABLE.match(line):
                is_known = _number(found["size"]) > 0
                fraction = int(found["percent"]) / 100 if is_known else None
                return Progress(fraction, f"{found['rate']}B/s", _seconds(found["left"]))
            if found := self._BAR.match(line):
                return Progress(float(found["percent"]) / 100)
        return None

    def read_open(self, stream: str, line: str) -> Progress | None:
        """The progress of a bar, which ends in a percent sign, or of a full row of the table."""
        is_whole = line.endswith("%") or len(line) == self._WIDTH
        return self.read(stream, line) if is_whole else None


class BarProgress(ProgressParser):
    """
    Understands the bars of tqdm and pip, and takes any other `NN %` for the progress.

    It is for programs that draw one bar.
    """

    # Numbers are bounded, or a long row of digits would be looked at from each of them.
    _TQDM = re.compile(
        r"(?P<percent>\d{1,3})%\|[^|]*\| *(?P<done>[\d.]{1,20}[kMGTP]?)/(?P<total>[\d.]{1,20}[kMGTP]?)"
        r"(?:\w*) \[[\d:]+<(?P<left>[\d:?]+), *(?P<rate>[^,\]]+)"
    )
    _OPEN = re.compile(r"(?:^|[: ])(?P<done>[\d.]{1,20}[kMGTP]?)it \[[\d:]+, *(?P<rate>[^,\]]+)")
    _SIZES = re.compile(
        r"(?P<done>[\d.]{1,20})/(?P<total>[\d.]{1,20}) (?P<unit>[kKMGT]?i?B|bytes)\b"
        r"(?: +(?P<rate>[\d.]+ [kKMGT]?i?B/s|\?))?(?: +eta (?P<left>[-\d:]+))?"
    )
    _PERCENT = re.compile(r"(?P<percent>\d{1,3}(?:\.\d+)?) ?%")

    def read(self, stream: str, lines: str) -> Progress | None:
        """The progress at the last line that tells one."""
        for line in reversed(without_colours(lines).split("\n")):
            if (progress := self._line(line)) is not None:
                return progress
        return None

    def read_open(self, stream: str, line: str) -> Progress | None:
        """The progress of a bar of tqdm, which ends in a bracket."""
        return self.read(stream, line) if line.rstrip().endswith("]") else None

    def _line(self, line: str) -> Progress | None:
        if found := _last(self._TQDM, line):
            fraction = _share(found["done"], found["total"])
            if fraction is None:
                fraction = int(found["percent"]) / 100
            message = f"{found['done']} of {found['total']}, {found['rate'].strip()}"
            return Progress(fraction, message, _seconds(found["left"]))
        if found := _last(self._SIZES, line):
            message = f"{found['done']} of {found['total']} {found['unit']}"
            if found["rate"] not in (None, "?"):
                message = f"{message}, {found['rate']}"
            left = _seconds(found["left"] or "")
            return Progress(_share(found["done"], found["total"]), message, left)
        if found := _last(self._OPEN, line):
            return Progress(None, f"{found['done']}, {found['rate'].strip()}")
        if found := _last(self._PERCENT, line):
            return Progress(float(found["percent"]) / 100)
        return None


PARSERS: Mapping[str, Callable[[], ProgressParser]] = {
    "bar": BarProgress,
    "curl": CurlProgress,
    "ffmpeg": FfmpegProgress,
    "percent": Percent,
    "rsync": RsyncProgress,
    "rsync_files": RsyncFilesProgress,
    "tqdm": BarProgress,
}
"""What makes parsers, by the names that a task which is no class may use."""


def _last(regex: re.Pattern[str], line: str) -> re.Match[str] | None:
    *_, latest = [None, *regex.finditer(line)]
    return latest


def _share(done: str, total: str) -> float | None:
    whole = _number(total)
    return _number(done) / whole if whole > 0 else None


def _number(text: str) -> float:
    """A number with a unit, such as `28.6M`; 0 if it is none."""
    unit = text[-1:] if text[-1:] in UNITS else ""
    try:
        return float(text.removesuffix(unit)) * UNITS[unit]
    except ValueError:
        return 0.0


def _seconds(clock: str) -> float | None:
    """The seconds of `1:02:03` or `02:03`; None if it is not known."""
    parts = clock.split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in parts):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds
