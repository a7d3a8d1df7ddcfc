"""Text is found in output wherever it stands, as people see it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskrealm.journal import Chunk, Needle, OutputStore, search
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.journal.search import Match

JOB = new_job_id()


def find_all(
    output: OutputStore, text: str, *, limit: int = 100, match_case: bool = False
) -> list[Match]:
    """The matches of as many searches as it takes."""
    needle = Needle(text, match_case=match_case)
    matches: list[Match] = []
    offset, more = 0, True
    while more:
        found = output.search(JOB, "stdout", needle, offset, limit)
        matches += found.matches
        assert found.next >= offset
        assert found.next > offset or not found.more
        offset, more = found.next, found.more
    return matches


def printed(folder: Path, data: bytes, limit: int = 100_000_000) -> OutputStore:
    output = OutputStore(folder, limit=limit)
    output.append(JOB, "stdout", data)
    return output


def test_a_match_says_where_it_is_and_what_is_around_it(tmp_path: Path) -> None:
    output = printed(tmp_path, b"one\na red rose and a Red wine\nthree\n")

    (found,) = find_all(output, "red")

    assert (found.offset, found.before, found.text, found.after) == (
        6,
        "a ",
        "red",
        " rose and a Red wine",
    )


@pytest.mark.parametrize(
    ("text", "match_case", "offsets"),
    [
        ("red", False, [0, 4, 8]),
        ("red", True, [0]),
        ("RED", True, [8]),
        ("straße", False, [12, 20]),
        ("ÜBER", False, [29, 35]),
        ("ÜBER", True, [35]),
        ("blue", False, []),
    ],
)
def test_case_counts_only_if_asked_for(
    tmp_path: Path, text: str, match_case: bool, offsets: list[int]
) -> None:
    output = printed(tmp_path, "red\nRed\nRED\nStraße\nstraße \nüber\nÜBER\n".encode())

    assert [each.offset for each in find_all(output, text, match_case=match_case)] == offsets


def test_colours_are_not_in_the_way_and_are_never_found(tmp_path: Path) -> None:
    output = printed(tmp_path, b"\x1b[1;31mer\x1b[0mror\x1b[K: \x1b]0;title\x07disk full\n")

    (found,) = find_all(output, "error: disk")

    assert found.offset == 7
    assert found.text == "error: disk"
    assert found.after == " full"
    assert find_all(output, "31m") == find_all(output, "title") == []


def test_each_redraw_of_a_line_is_one_of_its_own(tmp_path: Path) -> None:
    output = printed(tmp_path, b"10 %\r50 % of it\r100 %\n")

    assert [(each.text, each.after) for each in find_all(output, "50 %")] == [("50 %", " of it")]


def test_a_million_lines_are_searched_to_the_last_in_a_few_calls(tmp_path: Path) -> None:
    output = printed(tmp_path, b"".join(b"line %d\n" % number for number in range(1_000_000)))
    with mock.patch.object(search, "PATIENCE", 60.0):
        needle, offset, calls, offsets = Needle("LINE 99999"), 0, 0, list[int]()
        more = True
        while more:
            found = output.search(JOB, "stdout", needle, offset, 100)
            offsets += [each.offset for each in found.matches]
            offset, more, calls = found.next, found.more, calls + 1

    assert len(offsets) == 1 + 10
    assert calls <= 4
    assert output.read(JOB, "stdout", offsets[-1], 11).data == b"line 999999"


def test_one_call_gives_back_no_more_than_wanted_and_the_next_one_the_rest(tmp_path: Path) -> None:
    output = printed(tmp_path, b"here\n" * 25)

    first = output.search(JOB, "stdout", Needle("here"), 0, 10)

    assert len(first.matches) == 10
    assert first.more
    assert len(find_all(output, "here", limit=10)) == 25


def test_one_call_stops_after_so_much_or_so_long(tmp_path: Path) -> None:
    output = printed(tmp_path, b"nothing\n" * 500_000)
    with mock.patch.multiple(search, SCANNED=1_000_000, PATIENCE=60.0):
        by_amount = output.search(JOB, "stdout", Needle("x"), 0, 10)
    with mock.patch.object(search, "PATIENCE", 0.0):
        by_time = output.search(JOB, "stdout", Needle("x"), 0, 10)

    assert by_amount.more
    assert 1_000_000 <= by_amount.next <= 1_000_000 + search.BLOCK
    assert by_time.more
    assert by_time.next == 0


def test_what_is_behind_a_gap_is_found_where_it_is(tmp_path: Path) -> None:
    data = b"".join(b"%07d\n" % number for number in range(10_000))
    output = printed(tmp_path, data, limit=16_000)

    assert [each.offset for each in find_all(output, "0009999")] == [9_999 * 8]
    assert find_all(output, "0004999") == []
    assert [each.offset for each in find_all(output, "0000001")] == [8]


def test_the_gap_before_a_piece_of_output_is_told_whole(tmp_path: Path) -> None:
    output = printed(tmp_path, b"x" * 80_000, limit=16_000)

    behind = output.read(JOB, "stdout", 40_000, 100)

    assert behind.offset > 40_000
    assert behind.gap == behind.offset - 12_000
    assert output.read(JOB, "stdout", behind.offset, 100).gap == 0


def test_a_text_that_is_still_being_printed_is_found_when_it_is_whole(tmp_path: Path) -> None:
    output = printed(tmp_path, b"first\nsec")
    needle = Needle("second")

    before = output.search(JOB, "stdout", needle, 0, 10)
    output.append(JOB, "stdout", b"ond\n")
    after = output.search(JOB, "stdout", needle, before.next, 10)
    again = output.search(JOB, "stdout", needle, after.next, 10)

    assert (before.matches, before.more) == ([], False)
    assert [each.offset for each in after.matches] == [6]
    assert again.matches == []


@given(
    st.lists(
        st.sampled_from(["ab", "aB", "b\n", "\r", "x" * 50, "\x1b[31m", "\x1b[0m", "ä", "\xff"]),
        max_size=60,
    ),
    st.integers(20, 400),
)
@example(["x" * 50] * 8, 26)  # near its end: too long for one block, and too short for two
def test_it_does_not_matter_how_the_output_is_read(pieces: list[str], block: int) -> None:
    data = "".join(pieces).encode()
    needle = Needle("ab")
    whole = {at for at, _, _ in needle.among(data, 0)}

    def read(begin: int, size: int) -> Chunk:
        piece = data[begin : begin + size]
        return Chunk(begin, begin + len(piece), piece)

    offsets: list[int] = []
    with mock.patch.multiple(search, BLOCK=block + needle.overlap, PATIENCE=60.0):
        offset, more = 0, True
        while more:
            found = search.search(read, needle, offset, 3)
            offsets += [each.offset for each in found.matches]
            offset, more = found.next, found.more

    assert offsets == sorted(set(offsets))
    assert set(offsets) == whole
