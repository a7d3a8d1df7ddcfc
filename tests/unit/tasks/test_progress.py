"""How far a job is, from what its program prints."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.tasks import FfmpegProgress, Pattern, Percent, Progress, ProgressParser
from taskrealm.tasks.progress import ProgressReader

DURATION = b"""\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mov':
  Duration: 00:01:40.00, start: 0.000000, bitrate: 128 kb/s
"""
BLOCK = b"""\
frame=812
fps=50.10
bitrate=  64.0kbits/s
out_time_us=25000000
out_time_ms=25000000
out_time=00:00:25.000000
speed=2.5x
progress=continue
"""


@pytest.mark.parametrize(
    ("pattern", "line", "fraction", "message"),
    [
        pytest.param(Percent, b"copied 42% of it\n", 0.42, None, id="percentage"),
        pytest.param(Percent, b" 7.5 %\r", 0.075, None, id="ended by a carriage return"),
        pytest.param(Percent, b"10% 20% 30%\n", 0.3, None, id="the last of a line"),
        pytest.param(Percent, b"10%\n30%\nbye\n", 0.3, None, id="the last of several lines"),
        pytest.param(Percent, b"fifty percent\n", None, None, id="nothing"),
        pytest.param(Pattern(r"^(?P<done>\d+)/(?P<total>\d+)"), b"3/4\n", 0.75, None, id="of"),
        pytest.param(Pattern(r"^(?P<done>\d+)/(?P<total>\d+)"), b"0/0\n", None, None, id="of 0"),
        pytest.param(Pattern(r"(?P<fraction>[\d.]+)"), b"0.25\n", 0.25, None, id="fraction"),
        pytest.param(Pattern(r"(?P<fraction>[\d.]+)"), b"...\n", None, None, id="no number"),
        pytest.param(
            Pattern(r"(?P<percent>\d+)% (?P<message>.*)$"),
            b"5% page 1\n",
            0.05,
            "page 1",
            id="text",
        ),
    ],
)
def test_a_pattern_finds_progress(
    pattern: Pattern, line: bytes, fraction: float | None, message: str | None
) -> None:
    progress = pattern().feed("stdout", line)

    assert (progress and progress.fraction) == fraction
    assert (progress and progress.message) == message


def test_a_line_counts_when_it_is_complete() -> None:
    parser = Percent()

    assert parser.feed("stdout", b"1") is None
    assert parser.feed("stderr", b"9%") is None
    assert parser.feed("stdout", b"2%") is None
    assert parser.feed("stdout", b"\r") == Progress(0.12)


def test_two_jobs_have_parsers_of_their_own() -> None:
    first, second = Percent(), Percent()
    first.feed("stdout", b"1")

    assert second.feed("stdout", b"2%\n") == Progress(0.02)


@given(st.lists(st.integers(0, 100), min_size=1), st.data())
def test_chunks_may_be_cut_anywhere(percents: list[int], data: st.DataObject) -> None:
    printed = "".join(f"ü {percent}%\n" for percent in percents).encode()
    parser = Percent()
    found = []
    while printed:
        size = data.draw(st.integers(1, len(printed)))
        found.append(parser.feed("stdout", printed[:size]))
        printed = printed[size:]

    assert found[-1] == Progress(percents[-1] / 100)


@pytest.mark.parametrize("endless", [b"x" * 65_536, b"y\n" * 32_768])
def test_endless_output_takes_bounded_memory(endless: bytes) -> None:
    parser = Percent()
    tracemalloc.start()
    for _ in range(100):
        parser.feed("stdout", endless)

    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100_000
    assert parser.feed("stdout", b" 12%\n") == Progress(0.12)


@pytest.mark.parametrize("regex", [r"\d+", r"(?P<done>\d+)", r"(?P<percent>.)(?P<fraction>.)"])
def test_a_pattern_without_the_groups_is_refused(regex: str) -> None:
    with pytest.raises(ValueError, match="needs a named group percent, or fraction, or both"):
        Pattern(regex)


def test_ffmpeg_tells_how_far_it_is() -> None:
    parser = FfmpegProgress()

    assert parser.feed("stderr", DURATION) is None
    assert parser.feed("stdout", BLOCK[:-10]) is None
    assert parser.feed("stdout", BLOCK[-10:]) == Progress(0.25, "frame 812, 2.5\u00d7", 30.0)


def test_ffmpeg_has_finished() -> None:
    parser = FfmpegProgress()

    progress = parser.feed("stdout", BLOCK.replace(b"continue", b"end"))

    assert progress is not None
    assert progress.fraction == 1.0


def test_ffmpeg_at_the_start_knows_little() -> None:
    parser = FfmpegProgress()
    block = b"out_time_us=N/A\nout_time=N/A\nspeed=   0x\nprogress=continue\n"

    assert parser.feed("stdout", block) == Progress(None, "0\u00d7", None)


def test_ffmpeg_with_two_inputs_follows_the_longer_one() -> None:
    parser = FfmpegProgress()
    parser.feed("stderr", DURATION + DURATION.replace(b"00:01:40", b"00:00:10"))

    progress = parser.feed("stdout", BLOCK)

    assert progress is not None
    assert progress.fraction == 0.25


class Scripted(ProgressParser):
    """Reports what it was given, or raises it."""

    def __init__(self, report: Progress | Exception) -> None:
        self._report = report

    def read(self, stream: str, lines: str) -> Progress | None:
        if isinstance(self._report, Exception):
            raise self._report
        return self._report


def read(report: Progress, *, after: float = 0.0) -> Progress | None:
    """What everybody sees of *report*, made *after* so many seconds."""
    times = iter([0.0, after])
    return ProgressReader(Scripted(report), clock=lambda: next(times)).feed("stdout", b"\n")


@pytest.mark.parametrize(
    ("report", "seen"),
    [
        pytest.param(Progress(1.7), Progress(1.0), id="beyond the end"),
        pytest.param(Progress(-1.0), Progress(0.0), id="before the start"),
        pytest.param(Progress(float("nan"), eta=float("inf")), Progress(), id="no numbers"),
        pytest.param(Progress(eta=-3.0), Progress(eta=0.0), id="late"),
        pytest.param(
            Progress(message="\x1b[1;31mred\x1b[0m\a"), Progress(message="red"), id="colour"
        ),
        pytest.param(Progress(message="x" * 999), Progress(message="x" * 199 + "…"), id="long"),
    ],
)
def test_reports_are_made_fit_to_be_seen(report: Progress, seen: Progress) -> None:
    assert read(report) == seen


def test_the_time_left_follows_from_the_time_passed() -> None:
    assert read(Progress(0.25), after=10.0) == Progress(0.25, eta=30.0)


def test_the_first_moments_tell_nothing_about_the_time_left() -> None:
    assert read(Progress(0.25), after=0.1) == Progress(0.25)


def test_what_the_parser_estimates_is_better() -> None:
    assert read(Progress(0.25, eta=5.0), after=10.0) == Progress(0.25, eta=5.0)


def test_a_parser_that_fails_is_not_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    reader = ProgressReader(Scripted(ValueError("odd line")))

    assert reader.feed("stdout", b"\n") is None
    assert reader.feed("stdout", b"\n") is None
    assert [record.message for record in caplog.records] == [
        "A progress parser failed; the job goes on without progress"
    ]
