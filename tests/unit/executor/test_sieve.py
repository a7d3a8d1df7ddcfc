"""Which lines of a program's output are reports, however it is cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.sieve import ReportSieve
from taskrealm.tasks.report import LINE_LIMIT

PRINTED = [
    b"an ordinary line",
    b"",
    b'{"not": "a report"}',
    b'{"progress": broken',
    b'["progress"]',
    b' {"progress": 0.5}',
    b"{",
    b"\xff\xfe",
]
REPORTS = [b'{"progress": 0.5}', b'{"message": "a", "level": "info"}', b'{"tag": "x"}\r']


def sifted(*pieces: bytes) -> tuple[bytes, list[bytes]]:
    """What is printed in these pieces, and the reports among them."""
    sieve = ReportSieve()
    printed, reports = b"", []
    for more, found in (*map(sieve.feed, pieces), sieve.end()):
        printed += more
        reports += found
    return printed, reports


@given(
    st.lists(st.sampled_from(PRINTED + REPORTS), max_size=8),
    st.booleans(),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_reports_are_taken_out_and_all_else_is_unchanged(
    lines: list[bytes], is_ended: bool, cuts: list[int]
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    data = data if is_ended else data.removesuffix(b"\n")
    pieces, at = [], 0
    for size in (*cuts, len(data)):
        pieces.append(data[at : at + size])
        at += size

    printed, reports = sifted(*pieces)
    expected = b"".join(each + b"\n" for each in lines if each not in REPORTS)
    if lines and not is_ended and lines[-1] not in REPORTS:
        expected = expected.removesuffix(b"\n")
    assert reports == [line for line in lines if line in REPORTS]
    assert printed == expected


def test_what_is_no_report_is_not_held_back() -> None:
    sieve = ReportSieve()

    assert sieve.feed(b"Name: ") == (b"Name: ", [])
    assert sieve.feed(b'{"progress": 1}\n') == (b'{"progress": 1}\n', [])
    assert sieve.feed(b'{"prog') == (b"", [])
    assert sieve.feed(b'ress": 1}\n') == (b"", [b'{"progress": 1}'])


def test_a_line_that_is_too_long_for_a_report_is_output() -> None:
    sieve = ReportSieve()
    start, rest = b'{"message": "' + b"x" * LINE_LIMIT, b'"}\n{"progress": 1}\n'

    assert sieve.feed(start) == (start, [])
    assert sieve.feed(rest) == (b'"}\n', [b'{"progress": 1}'])
