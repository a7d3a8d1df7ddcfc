"""What lines say that the programs of a job report, however wrong or many they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.reports import MESSAGE_LIMIT, Reading, ReportReader
from taskrealm.tasks import Progress
from taskrealm.tasks.report import LINE_LIMIT


def read(*pieces: bytes) -> Reading:
    """What a program reported that wrote these pieces and has ended."""
    reader = ReportReader(Path("/nowhere"))
    whole = Reading()
    for reading in (*(reader.feed(piece) for piece in pieces), reader.end()):
        whole.progress = reading.progress or reading.early or whole.progress
        whole.messages += reading.messages
        whole.tags += reading.tags
        whole.data |= reading.data
        whole.result = reading.result or whole.result
    return whole


def lines(*reports: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(report).encode() + b"\n" for report in reports)


def message(level: str, text: str, data: Any = None) -> dict[str, Any]:
    return {"level": level, "text": text, "data": data}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"progress": 0.4}', Progress(0.4), id="a fraction"),
        pytest.param(
            b'{"progress": 0.4, "message": "page 12", "eta": 3}',
            Progress(0.4, "page 12", 3.0),
            id="all that there is",
        ),
        pytest.param(
            b'{"progress": null, "message": "looking"}', Progress(None, "looking"), id="?"
        ),
        pytest.param(
            b'{"version": 1, "progress": 1, "more": [{}]}', Progress(1.0), id="unknown key"
        ),
    ],
)
def test_a_line_reports_progress(line: bytes, expected: Progress) -> None:
    assert read(line + b"\n") == Reading(expected, [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"message": "a"}', message("info", "a"), id="text alone"),
        pytest.param(
            b'{"message": "a", "level": "warning", "data": {"free": 0}, "more": 1}',
            message("warning", "a", {"free": 0}),
            id="all that there is",
        ),
        pytest.param(
            '{"message": "ü\\n\\u001b"}'.encode(), message("info", "ü\n\x1b"), id="any text"
        ),
    ],
)
def test_a_line_is_a_message(line: bytes, expected: dict[str, Any]) -> None:
    assert read(line + b"\n") == Reading(None, [expected])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"half", "it is not JSON: Expecting value at column 1", id="no JSON"),
        pytest.param(b"\xff", "it is not UTF-8", id="no UTF-8"),
        pytest.param(b"[" * 9_000, "it is not JSON that can be read", id="deep"),
        pytest.param(b"9" * 9_000, "it is not JSON that can be read", id="a long number"),
        pytest.param(b"0.4", "it is no JSON object", id="no object"),
        pytest.param(b"{}", "it has none of progress, message, file, ask", id="empty"),
        pytest.param(b'{"mesage": "a"}', "it has none of progress", id="misspelt"),
        pytest.param(b'{"progress": 40}', "its progress must be a number from 0 to 1", id="40"),
        pytest.param(b'{"progress": true}', "its progress must be a number from 0", id="true"),
        pytest.param(b'{"progress": NaN}', "progress must be a finite number", id="NaN"),
        pytest.param(b'{"progress": 0.1, "eta": -1}', "its eta must be a number of sec", id="eta"),
        pytest.param(b'{"message": null}', "its message must be text", id="no text"),
        pytest.param(b'{"message": "a\\u0000"}', "message must not contain the NUL", id="NUL"),
        pytest.param(b'{"message": "\\ud800"}', "message must be valid Unicode", id="surrogate"),
        pytest.param(b'{"message": "a", "level": "loud"}', "its level must be one of", id="level"),
        pytest.param(b'{"message": "a", "level": []}', "its level must be one of", id="no level"),
        pytest.param(b'{"tag": ""}', "its tag must be text of at most 100 characters", id="tag"),
        pytest.param(b'{"data": 5}', "its data must be an object, unless it belongs", id="data"),
        pytest.param(b'{"ask": {}}', "its reply must be the path of a named pipe", id="ask"),
        pytest.param(b'{"version": 2, "progress": 1}', "its version is not 1", id="version"),
    ],
)
def test_a_line_that_is_no_report_becomes_a_message_that_says_why(line: bytes, reason: str) -> None:
    reading = read(line + b"\n")

    [told] = reading.messages
    assert told["level"] == "error"
    assert told["text"].startswith(f"A report was not understood: {reason}")
    assert len(told["data"]["line"]) < 80
    assert reading.progress is None


def test_a_line_that_is_too_long_is_left_out_and_the_next_one_is_read() -> None:
    for size in (LINE_LIMIT, 10 * LINE_LIMIT):
        data = b"x" * size + b"\n" + lines({"message": "next"})
        pieces = [data[at : at + 5_000] for at in range(0, len(data), 5_000)]
        for reading in (read(data), read(*pieces)):
            assert [each["text"] for each in reading.messages] == [
                "A report was not understood: it has more than 16384 bytes",
                "next",
            ]


def test_a_reader_keeps_no_more_than_one_line() -> None:
    reader = ReportReader(Path("/nowhere"))
    for _ in range(100):
        reader.feed(b"x" * LINE_LIMIT)

    assert len(reader._pending) <= LINE_LIMIT


@given(cuts=st.lists(st.integers(1, 9), max_size=40))
def test_reports_cut_anywhere_say_the_same(cuts: list[int]) -> None:
    data = lines({"message": "ü"}, {"progress": 0.1}) + b"\n \nhalf\n" + b'{"message": "end"}'
    pieces, at = [], 0
    for size in (*cuts, len(data)):
        pieces.append(data[at : at + size])
        at += size

    assert read(*pieces) == read(data)
    assert [each["text"][:4] for each in read(data).messages] == ["ü", "A re", "end"]


def test_a_line_notes_tags_data_and_the_result_beside_what_else_it_says() -> None:
    reading = read(
        lines(
            {"progress": 0.5, "tag": "slow", "data": {"a": 1, "b": 2}},
            {"data": {"b": [3]}, "tag": "big"},
            {"message": "x", "data": {"of": "the message"}},
            {"result": 1},
            {"result": None},
        )
    )

    assert reading == Reading(
        Progress(0.5),
        [message("info", "x", {"of": "the message"})],
        tags=["slow", "big"],
        data={"a": 1, "b": [3]},
        result=(None,),
    )


def test_progress_before_the_first_message_is_kept_apart_from_that_after_it() -> None:
    reports = [{"progress": 0.1}, {"progress": 0.2}, {"message": "x"}, {"progress": 0.6}]
    reading = ReportReader(Path("/nowhere")).feed(lines(*reports))

    assert (reading.early, reading.progress) == (Progress(0.2), Progress(0.6))


def test_of_a_flood_of_messages_the_first_are_kept_and_the_rest_counted() -> None:
    flood = lines(*({"message": str(number)} for number in range(5_000))) + b"nonsense\n"
    reading = read(flood, lines({"progress": 0.5, "message": "still heard"}))

    assert [each["text"] for each in reading.messages[:-1]] == list(map(str, range(MESSAGE_LIMIT)))
    assert reading.messages[-1] == message(
        "warning", "4001 more messages were not recorded: a job has room for 1000"
    )
    assert reading.progress == Progress(0.5, "still heard")
