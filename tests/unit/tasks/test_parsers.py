"""What the parsers make of the progress that well-known programs print, however it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.tasks import (
    PARSERS,
    BarProgress,
    CurlProgress,
    Progress,
    ProgressParser,
    RsyncFilesProgress,
    RsyncProgress,
)
from taskrealm.tasks.progress import ProgressReader

if TYPE_CHECKING:
    from collections.abc import Callable

RSYNC = (
    "\r         32,768   0%    0.00kB/s    0:00:00  "
    "\r     30,000,000  60%   44.24MB/s    0:00:00 (xfr#1, to-chk=1/3)"
    "\r     43,762,560  87%   39.12MB/s    0:01:02  "
    "\r     50,000,000 100%   40.59MB/s    0:00:01 (xfr#2, to-chk=0/3)\n"
)
RSYNC_FILES = (
    "sending incremental file list\n./\na\n"
    "\r         32,768   0%    0.00kB/s    0:00:00  "
    "\r     30,000,000 100%   44.72MB/s    0:00:00 (xfr#1, to-chk=1/4)\n"
    "100% pure.txt\n"
    "\r     13,336,576  66%   12.03MB/s    0:00:00  "
    "\r     20,000,000 100%   16.37MB/s    0:00:01 (xfr#2, to-chk=0/4)\n"
)
CURL = (
    "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
    "                                 Dload  Upload   Total   Spent    Left  Speed\n"
    "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
    "\r 69 28.6M   69 19.8M    0     0  19.9M      0  0:00:01  0:00:01  0:01:00 19.9M"
    "\r100 28.6M  100 28.6M    0     0  28.6M      0  0:00:01  0:00:01 --:--:-- 28.6M\n"
)
CURL_BAR = "\r#########                    37.5%\r##############          62.5%\r####### 100.0%\n"
TQDM = (
    "\rrows:   0%|          | 0/30 [00:00<?, ?it/s]"
    "\rrows:  40%|████      | 12/30 [00:03<01:05, 3.20it/s, loss=0.1]"
    "\r\x1b[32mrows: 100%|██████████| 30/30 [00:05<00:00, 5.10it/s]\x1b[0m\n"
)
TQDM_SIZES = "\r 12%|#1        | 359k/3.00M [00:00<00:02, 7.17MB/s]\r"
TQDM_OPEN = "\r7it [00:00, 96.62it/s]\r"
PIP = (
    "\x1b[?25l     \x1b[90m━━━━\x1b[0m \x1b[32m0.0/10.6 MB\x1b[0m \x1b[31m?\x1b[0m eta \x1b[36m-:--:--\x1b[0m"
    "\r\x1b[2K     \x1b[91m━━\x1b[0m\x1b[90m━━\x1b[0m \x1b[32m5.3/10.6 MB\x1b[0m \x1b[31m2.5 MB/s\x1b[0m"
    " eta \x1b[36m0:00:03\x1b[0m\r"
)


def said(make: Callable[[], ProgressParser], text: str) -> list[Progress]:
    """What a parser says to *text*, piece by piece as the program prints it."""
    parser = make()
    pieces = text.encode().replace(b"\r", b"\r\0").replace(b"\n", b"\n\0").split(b"\0")
    found = [parser.feed("stderr", piece) for piece in pieces]
    return [each for each in found if each is not None]


@pytest.mark.parametrize(
    ("make", "text", "expected"),
    [
        pytest.param(
            RsyncProgress,
            RSYNC,
            [
                Progress(0.0, "0.00kB/s", 0.0),
                Progress(0.6, "44.24MB/s"),
                Progress(0.87, "39.12MB/s", 62.0),
                Progress(1.0, "40.59MB/s"),
            ],
            id="rsync of all",
        ),
        pytest.param(
            RsyncFilesProgress,
            RSYNC_FILES,
            [
                Progress(None, "0.00kB/s"),
                Progress(0.75, "44.72MB/s"),
                Progress(0.75 + 0.66 / 4, "12.03MB/s"),
                Progress(1.0, "16.37MB/s"),
            ],
            id="rsync file by file",
        ),
        pytest.param(
            CurlProgress,
            CURL,
            [
                Progress(None, "0B/s"),
                Progress(0.69, "19.9MB/s", 60.0),
                Progress(1.0, "28.6MB/s"),
            ],
            id="curl",
        ),
        pytest.param(
            CurlProgress,
            CURL_BAR,
            [Progress(0.375), Progress(0.625), Progress(1.0)],
            id="the bar of curl",
        ),
        pytest.param(
            BarProgress,
            TQDM,
            [
                Progress(0.0, "0 of 30, ?it/s"),
                Progress(0.4, "12 of 30, 3.20it/s", 65.0),
                Progress(1.0, "30 of 30, 5.10it/s", 0.0),
            ],
            id="tqdm",
        ),
        pytest.param(
            BarProgress,
            TQDM_SIZES,
            [Progress(359e3 / 3e6, "359k of 3.00M, 7.17MB/s", 2.0)],
            id="tqdm with units",
        ),
        pytest.param(
            BarProgress, TQDM_OPEN, [Progress(None, "7, 96.62it/s")], id="tqdm without an end"
        ),
        pytest.param(
            BarProgress,
            PIP,
            [Progress(0.0, "0.0 of 10.6 MB"), Progress(0.5, "5.3 of 10.6 MB, 2.5 MB/s", 3.0)],
            id="pip",
        ),
        pytest.param(BarProgress, "done: \x1b[1m42.5\x1b[0m %\n", [Progress(0.425)], id="any bar"),
    ],
)
def test_a_parser_knows_what_its_program_prints(
    make: Callable[[], ProgressParser], text: str, expected: list[Progress]
) -> None:
    assert said(make, text) == expected


@pytest.mark.parametrize(
    ("make", "line", "expected"),
    [
        pytest.param(
            RsyncProgress, RSYNC.split("\r")[3], Progress(0.87, "39.12MB/s", 62.0), id="rsync"
        ),
        pytest.param(
            CurlProgress, CURL.split("\r")[2], Progress(0.69, "19.9MB/s", 60.0), id="curl's table"
        ),
        pytest.param(CurlProgress, "#########       37.5%", Progress(0.375), id="curl"),
        pytest.param(
            BarProgress, TQDM.split("\r")[2], Progress(0.4, "12 of 30, 3.20it/s", 65.0), id="tqdm"
        ),
    ],
)
def test_a_bar_counts_as_soon_as_it_is_drawn(
    make: Callable[[], ProgressParser], line: str, expected: Progress
) -> None:
    parser = make()
    early = [parser.feed("stderr", line[at : at + 1].encode()) for at in range(len(line))]

    assert early[-1] == expected
    assert parser.feed("stderr", b"\r") == expected


@given(st.sampled_from(sorted(PARSERS)), st.lists(st.integers(1, 60), max_size=60))
def test_progress_cut_anywhere_comes_to_the_same(name: str, cuts: list[int]) -> None:
    text = {
        "rsync": RSYNC,
        "rsync_files": RSYNC_FILES,
        "curl": CURL + CURL_BAR,
        "ffmpeg": "frame=5\nout_time_us=5000000\nprogress=continue\nframe=9\nprogress=end\n",
        "percent": "10%\r20 %\n",
    }.get(name, TQDM + TQDM_SIZES + TQDM_OPEN + PIP)
    data = text.encode()
    whole = PARSERS[name]()
    expected = whole.feed("stdout", data)
    parser = PARSERS[name]()
    found, at = [], 0
    for size in (*cuts, len(data)):
        found.append(parser.feed("stdout", data[at : at + size]))
        at += size

    *_, latest = [each for each in found if each is not None]
    assert latest == expected


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x1b[31m\x1b[\xff\xfe% | [<\n" * 50, id="rubbish"),
        pytest.param(b"9" * 8_000 + b"\n", id="digits"),
        pytest.param(b"#" * 8_000 + b"\n", id="a long bar"),
        pytest.param(b"1%|" * 2_600 + b"\n", id="bars"),
        pytest.param(b"1 " * 4_000 + b"\n", id="columns"),
        pytest.param("┻\U0001f600%|█".encode() * 900 + b"\r", id="signs"),
    ],
)
@pytest.mark.timeout(5)
def test_nothing_that_is_printed_stops_a_parser(name: str, noise: bytes) -> None:
    reader = ProgressReader(PARSERS[name]())
    for _ in range(5):
        reader.feed("stdout", noise)
        reader.feed("stderr", noise)

    assert reader._parser is not None
