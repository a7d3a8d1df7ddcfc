"""Output is kept up to its limit and read in whole characters."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskrealm.journal import RESULT, Chunk, OutputStore, StreamSize, whole_characters
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

JOB = new_job_id()

FLOOD = """
import sys
from pathlib import Path
from taskrealm.journal import OutputStore
output, number = OutputStore(Path(sys.argv[1]), limit=160_000), 0
while True:
    data = b"".join(b"%7d\\n" % each for each in range(number, number + 3_000))
    output.append(sys.argv[2], "stdout", data)
    number += 3_000
"""


def read_all(
    output: OutputStore, limit: int, *, stream: str = "stdout", offset: int = 0
) -> list[Chunk]:
    chunks: list[Chunk] = []
    while chunk := output.read(JOB, stream, offset, limit):
        if chunk.next == offset:
            return chunks
        chunks.append(chunk)
        offset = chunk.next
    raise AssertionError("a chunk is always true")


def files_of(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_output_is_put_at_offsets_per_stream(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=100)

    places = [
        output.append(JOB, "stdout", b"one\n"),
        output.append(JOB, "stderr", b"oops\n"),
        output.append(JOB, "stdout", b"two\n"),
    ]

    assert places == [0, 0, 4]
    assert output.read(JOB, "stdout", 0, 100) == Chunk(0, 8, b"one\ntwo\n")
    assert output.read(JOB, "stdout", 4, 100) == Chunk(4, 8, b"two\n")
    assert output.read(JOB, "stderr", 0, 100) == Chunk(0, 5, b"oops\n")
    output.close_all()


def test_a_job_that_prints_nothing_has_no_files(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=100)

    place = output.append(JOB, "stdout", b"")
    output.close(JOB)

    assert place == 0
    assert output.read(JOB, "stdout", 0, 100) == Chunk(0, 0, b"")
    assert output.sizes(JOB) == {"stdout": StreamSize(0, 0), "stderr": StreamSize(0, 0)}
    assert list(tmp_path.iterdir()) == []


def test_of_a_long_stream_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=160)
    printed = b"".join(b"%09d\n" % number for number in range(100))

    for start in range(0, 1_000, 7):
        output.append(JOB, "stdout", printed[start : start + 7])
    size = output.size(JOB, "stdout")
    head, tail = read_all(output, 1_000)

    assert head == Chunk(0, 120, printed[:120])
    assert tail == Chunk(960, 1_000, printed[960:], gap=840)
    assert size == StreamSize(printed=1_000, kept=160)
    assert output.read(JOB, "stdout", 500, 1_000) == tail
    assert output.read(JOB, "stdout", 970, 10) == Chunk(970, 980, printed[970:980])
    assert sum(files_of(tmp_path).values()) == 160
    output.close_all()


def test_a_stream_just_within_its_limit_is_kept_whole(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=160)

    output.append(JOB, "stdout", bytes(160))
    whole = output.size(JOB, "stdout")
    output.append(JOB, "stdout", b"x")

    assert whole == StreamSize(160, 160)
    assert output.size(JOB, "stdout") == StreamSize(161, 151)
    output.close_all()


def test_a_task_may_have_a_limit_of_its_own(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=160)

    output.append(JOB, "stdout", bytes(100_000), limit=1_600)
    output.append(JOB, "stderr", bytes(100_000))

    assert output.sizes(JOB) == {
        "stdout": StreamSize(100_000, 1_600),
        "stderr": StreamSize(100_000, 160),
    }
    output.close_all()


@pytest.mark.parametrize(
    "is_closed", [pytest.param(True, id="ended"), pytest.param(False, id="killed")]
)
def test_sizes_are_right_after_a_restart(tmp_path: Path, is_closed: bool) -> None:
    before = OutputStore(tmp_path, limit=160)
    before.append(JOB, "stdout", b"x" * 2_500)
    before.append(JOB, "stdout", b"x" * 5)
    before.append(JOB, "stderr", b"few")
    if is_closed:
        before.close(JOB)

    after = OutputStore(tmp_path, limit=160)

    assert after.sizes(JOB) == before.sizes(JOB)
    assert after.sizes(JOB) == {"stdout": StreamSize(2_505, 155), "stderr": StreamSize(3, 3)}
    before.close_all()


def test_a_kill_in_the_middle_of_a_flood_leaves_every_byte_at_its_offset(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", FLOOD, tmp_path, JOB]) as flood:
        output = OutputStore(tmp_path, limit=160_000)
        while output.size(JOB, "stdout").printed < 5_000_000:
            os.sched_yield()
        flood.kill()
    output = OutputStore(tmp_path, limit=160_000)
    size = output.size(JOB, "stdout")
    chunks = read_all(output, 100_000)
    later = output.append(JOB, "stdout", b"later")
    output.close_all()

    assert chunks[-1].next == size.printed == later
    assert sum(len(chunk.data) for chunk in chunks) == size.kept <= 160_000
    for chunk in chunks:
        last = chunk.next // 8 + 1
        numbers = b"".join(b"%7d\n" % number for number in range(chunk.offset // 8, last))
        start = chunk.offset % 8
        assert chunk.data == numbers[start : start + len(chunk.data)]


def test_a_second_attempt_appends_to_what_the_first_printed(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=160)
    output.append(JOB, "stdout", b"first " * 100)
    output.close(JOB)

    places = [output.append(JOB, "stdout", b"second")]
    output.close(JOB)
    places.append(output.append(JOB, "stdout", b"third"))
    output.close(JOB)

    assert places == [600, 606]
    assert output.size(JOB, "stdout").printed == 611
    assert output.read(JOB, "stdout", 599, 100) == Chunk(599, 611, b" secondthird")


def test_output_that_an_earlier_version_kept_is_read_and_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / JOB[-2:]
    folder.mkdir()
    (folder / f"{JOB}.stdout").write_bytes(b"ten bytes!")
    (folder / f"{JOB}.stdout.dropped").write_bytes(b"%020d" % 90)
    output = OutputStore(tmp_path, limit=16)

    before = [output.read(JOB, "stdout", offset, 100) for offset in (0, 10)]
    size = output.size(JOB, "stdout")
    output.append(JOB, "stdout", b"go")
    output.close(JOB)

    assert before == [Chunk(0, 10, b"ten bytes!"), Chunk(100, 100, b"", gap=90)]
    assert size == StreamSize(printed=100, kept=10)
    assert output.read(JOB, "stdout", 10, 100) == Chunk(100, 102, b"go", gap=90)
    assert output.size(JOB, "stdout") == StreamSize(printed=102, kept=12)


@pytest.mark.parametrize(
    "is_killed", [pytest.param(True, id="killed"), pytest.param(False, id="running")]
)
def test_what_a_full_disk_does_not_take_is_a_gap_of_known_size(
    tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]], is_killed: bool
) -> None:
    output = OutputStore(tmp_path, limit=160_000)
    output.append(JOB, "stdout", b"a" * 4_000)

    with file_limit(4_096):
        output.append(JOB, "stdout", b"b" * 200)
    with file_limit(0):
        output.append(JOB, "stdout", b"lost")
        output.append(JOB, "stdout", b"lost too")
    if is_killed:
        output = OutputStore(tmp_path, limit=160_000)
    full = output.size(JOB, "stdout")
    later = output.append(JOB, "stdout", b"c" * 50)

    assert full == StreamSize(printed=4_212, kept=4_096)
    assert later == 4_212
    assert output.read(JOB, "stdout", 3_999, 100_000) == Chunk(3_999, 4_096, b"a" + b"b" * 96)
    assert output.read(JOB, "stdout", 4_096, 100_000) == Chunk(4_212, 4_262, b"c" * 50, gap=116)
    output.close_all()


def test_a_disk_without_room_for_the_first_byte_drops_everything(
    tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    output = OutputStore(tmp_path, limit=100)

    with file_limit(0):
        output.append(JOB, "stdout", b"lost")

    assert output.size(JOB, "stdout") == StreamSize(printed=4, kept=0)
    assert output.read(JOB, "stdout", 0, 100) == Chunk(4, 4, b"", gap=4)
    output.close_all()


def test_characters_are_whole_on_both_sides_of_a_gap(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=160)
    text = "x" + "€" * 1_000

    output.append(JOB, "stdout", text.encode())
    output.close(JOB)
    head, tail = read_all(output, 1_000)

    assert head.data.decode() == "x" + "€" * 39
    assert tail.data.decode() == "€" * 13
    assert (head.next, tail.offset, tail.next) == (118, 3_001 - 39, 3_001)


def test_what_is_removed_leaves_nothing(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=16)
    for stream in ("stdout", "stderr"):
        output.append(JOB, stream, bytes(1_000))
    output.keep_result(JOB, b"{}")
    output.close(JOB)

    output.remove(JOB)

    assert files_of(tmp_path) == {}
    assert output.read(JOB, "stdout", 0, 100) == Chunk(0, 0, b"")


def test_a_result_is_read_like_a_stream_and_replaced_as_a_whole(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=16)
    output.keep_result(JOB, b"[1]")
    output.keep_result(JOB, b'"a long result"')

    assert output.size(JOB, RESULT) == StreamSize(15, 15)
    assert output.read(JOB, RESULT, 1, 100) == Chunk(1, 15, b'a long result"')
    assert list(files_of(tmp_path)) == [f"{JOB}.result"]


def test_a_result_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    output = OutputStore(tmp_path, limit=16)

    with file_limit(10), pytest.raises(OSError, match="too large"):
        output.keep_result(JOB, bytes(100))

    assert files_of(tmp_path) == {}


def test_ended_jobs_hold_no_open_files(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=2)
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(20):
        job_id = new_job_id()
        output.append(job_id, "stdout", b"abc")
        output.append(job_id, "stderr", b"abc")
        output.close(job_id)

    assert len(os.listdir("/proc/self/fd")) == before


def test_an_unfinished_character_waits_until_the_job_goes_on_or_ends(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=100)
    euro = "€".encode()

    output.append(JOB, "stdout", b"5 " + euro[:2])
    while_incomplete = output.read(JOB, "stdout", 0, 100)
    output.append(JOB, "stdout", euro[2:] + euro[:1])
    when_complete = output.read(JOB, "stdout", 2, 100)
    output.close(JOB)
    when_ended = output.read(JOB, "stdout", 5, 100)

    assert while_incomplete == Chunk(0, 2, b"5 ")
    assert when_complete == Chunk(2, 5, euro)
    assert when_ended == Chunk(5, 6, euro[:1])


@pytest.mark.parametrize(
    ("job_id", "stream"),
    [
        pytest.param("../../../../etc/passwd", "stdout", id="a path"),
        pytest.param(JOB.upper(), "stdout", id="upper case"),
        pytest.param(f"{JOB}\n", "stdout", id="with a line end"),
        pytest.param(JOB, "../stdout", id="a stream that is a path"),
        pytest.param(JOB, "stdin", id="an unknown stream"),
    ],
)
def test_names_cannot_lead_out_of_the_folder(tmp_path: Path, job_id: str, stream: str) -> None:
    output = OutputStore(tmp_path, limit=100)

    with pytest.raises(ValueError, match="is no"):
        output.read(job_id, stream, 0, 100)
    with pytest.raises(ValueError, match="is no"):
        output.append(job_id, stream, b"data")


def test_a_result_is_never_appended_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no stream"):
        OutputStore(tmp_path, limit=100).append(JOB, RESULT, b"data")


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=40), max_size=20),
    limit=st.integers(16, 200),
    read_limit=st.integers(1, 30),
    offset=st.integers(0, 100),
)
def test_what_is_read_is_what_was_printed_at_that_offset(
    pieces: list[bytes], limit: int, read_limit: int, offset: int
) -> None:
    printed = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        output = OutputStore(Path(folder), limit=limit)
        places = [output.append(JOB, "stdout", piece) for piece in pieces]
        while_running = read_all(output, read_limit, offset=offset)
        size = output.size(JOB, "stdout")
        on_disk = sum(files_of(Path(folder)).values())
        is_same_after_kill = OutputStore(Path(folder), limit=limit).size(JOB, "stdout") == size
        output.close(JOB)
        chunks = read_all(output, read_limit, offset=offset)

    assert places == [len(b"".join(pieces[:number])) for number in range(len(pieces))]
    assert size.printed == len(printed)
    assert size.kept == on_disk <= limit
    assert size.kept == len(printed) or size.kept > limit - limit // 16 - 16
    assert is_same_after_kill
    for each in (*chunks, *while_running):
        assert each.data == printed[each.offset : each.next]
        assert len(each.data) <= max(read_limit, 4)
    gaps = sum(right.offset > left.next for left, right in itertools.pairwise(chunks))
    assert gaps <= 1
    assert offset >= len(printed) or chunks[-1].next == len(printed)
    assert sum(len(each.data) for each in chunks) >= max(0, size.kept - offset - 6)


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=120),
    step=st.integers(1, 20),
    limit=st.integers(32, 120),
    read_limit=st.integers(1, 30),
)
@example(text="00000\x80\x80" + "\U00010000" * 6, step=1, limit=32, read_limit=1)
def test_every_chunk_of_text_is_text(text: str, step: int, limit: int, read_limit: int) -> None:
    printed = text.encode()
    with tempfile.TemporaryDirectory() as folder:
        output = OutputStore(Path(folder), limit=limit)
        for start in range(0, len(printed), step):
            output.append(JOB, "stdout", printed[start : start + step])
        while_running = read_all(output, read_limit)
        output.close(JOB)
        chunks = read_all(output, read_limit)

    assert all(printed[each.offset : each.next] == each.data for each in chunks)
    assert all(each.data.decode().encode() == each.data for each in chunks)
    assert chunks == while_running


@given(text=st.text(max_size=20), cut=st.integers(0, 80))
def test_the_longest_prefix_of_whole_characters_is_found(text: str, cut: int) -> None:
    data = text.encode()[:cut]
    longest = max(n for n in range(len(data) + 1) if _decodes(data[:n]))

    assert whole_characters(data) == longest


@given(data=st.binary(max_size=20))
def test_at_most_three_bytes_are_held_back_whatever_they_are(data: bytes) -> None:
    assert len(data) - 3 <= whole_characters(data) <= len(data)


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
