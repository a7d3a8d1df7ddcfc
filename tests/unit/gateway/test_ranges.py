from __future__ import annotations

import pytest

from taskrealm.gateway.ranges import MOST, Covered, Range, Unsatisfiable, ranges_of


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        pytest.param(None, None, id="nothing is asked for"),
        pytest.param("bytes=0-0", [(0, 1)], id="one byte"),
        pytest.param("bytes=2-", [(2, 10)], id="the rest"),
        pytest.param("bytes=2-99", [(2, 10)], id="more than there is"),
        pytest.param("bytes=-3", [(7, 10)], id="the end"),
        pytest.param("bytes=-99", [(0, 10)], id="a longer end than there is"),
        pytest.param("Bytes = 0-1", None, id="a space too many"),
        pytest.param("BYTES=0-1", [(0, 2)], id="in capitals"),
        pytest.param("bytes=8-9, 0-1 ,,", [(8, 10), (0, 2)], id="several, as they were asked for"),
        pytest.param("bytes=0-1,20-30", [(0, 2)], id="one of them is not there"),
        pytest.param("bytes=0-5,3-8", None, id="overlapping"),
        pytest.param("bytes=0-1,x", None, id="one is none"),
        pytest.param("bytes=5-2", None, id="backwards"),
        pytest.param("bytes=", None, id="empty"),
        pytest.param("bytes=,", None, id="only a comma"),
        pytest.param("bytes=-", None, id="only a dash"),
        pytest.param("bytes=+1-2", None, id="a sign"),
        pytest.param("bytes=٣-٤", None, id="other digits"),
        pytest.param("bytes=0-" + "9" * 40, None, id="an absurd number"),
        pytest.param("bytes=" + ",".join(["0-0"] * (MOST + 1)), None, id="too many"),
    ],
)
def test_a_header_asks_for_parts_or_for_all(
    header: str | None, ranges: list[tuple[int, int]] | None
) -> None:
    found = ranges_of(header, 10)

    assert found == (None if ranges is None else [Range(*each) for each in ranges])


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=10-11,20-", 10), ("bytes=0-", 0)],
)
def test_what_is_not_there_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        ranges_of(header, size)


def test_a_file_is_delivered_when_every_byte_has_been() -> None:
    covered = Covered(10)
    for begin, end in ((8, 10), (0, 3), (2, 5)):
        covered.add(begin, end)

    assert (covered.is_whole, covered.pieces) == (False, 2)
    covered.add(5, 8)
    assert (covered.is_whole, covered.pieces) == (True, 1)
    assert Covered(0).is_whole
