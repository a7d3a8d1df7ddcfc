"""Output is kept up to its limit and read in whole characters."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.journal import Chunk, OutputStore, StreamSize, whole_characters
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

JOB = new_job_id()


def read_all(output: OutputStore, limit: int, *, stream: str = "stdout") -> list[Chunk]:
    chunks: list[Chunk] = []
    offset = 0
    while chunk := output.read(JOB, stream, offset, limit):
        if not chunk.data:
            return chunks
        chunks.append(chunk)
        offset = chunk.next
    raise AssertionError("a chunk is always true")


def test_output_is_put_at_offsets_per_stream(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=100)

    places = [
        output.append(JOB, "stdout", b"one\n"),
        output.append(JOB, "stderr", b"oops\n"),
        output.append(JOB, "stdout", b"two\n"),
    ]

    assert places == [(0, 4), (0, 5), (4, 4)]
    assert output.read(JOB, "stdout", 0, 100) == Chunk(0, 8, b"one\ntwo\n")
    assert output.read(JOB, "stdout", 4, 100) == Chunk(4, 8, b"two\n")
    assert output.read(JOB, "stderr", 0, 100) == Chunk(0, 5, b"oops\n")
    output.close_all()


def test_a_job_that_prints_nothing_has_no_files(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=100)

    place = output.append(JOB, "stdout", b"")
    output.close(JOB)

    assert place == (0, 0)
    assert output.read(JOB, "stdout", 0, 100) == Chunk(0, 0, b"")
    assert output.sizes(JOB) == {"stdout": StreamSize(0, 0), "stderr": StreamSize(0, 0)}
    assert list(tmp_path.iterdir()) == []


def test_what_is_over_the_limit_is_counted_and_not_kept(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=10)

    places = [output.append(JOB, "stdout", data) for data in (b"12345678", b"90abc", b"d")]

    assert places == [(0, 8), (8, 2), (10, 0)]
    assert output.read(JOB, "stdout", 0, 100).data == b"1234567890"
    assert output.sizes(JOB)["stdout"] == StreamSize(kept=10, dropped=4)
    output.close_all()


@pytest.mark.parametrize(
    "is_closed", [pytest.param(True, id="ended"), pytest.param(False, id="killed")]
)
def test_sizes_are_right_after_a_restart(tmp_path: Path, is_closed: bool) -> None:
    before = OutputStore(tmp_path, limit=10)
    before.append(JOB, "stdout", b"x" * 25)
    before.append(JOB, "stdout", b"x" * 5)
    before.append(JOB, "stderr", b"few")
    if is_closed:
        before.close(JOB)

    after = OutputStore(tmp_path, limit=10)

    assert after.sizes(JOB) == {"stdout": StreamSize(10, 20), "stderr": StreamSize(3, 0)}
    before.close_all()


def test_a_second_attempt_appends_to_what_the_first_printed(tmp_path: Path) -> None:
    output = OutputStore(tmp_path, limit=10)
    output.append(JOB, "stdout", b"first ")
    output.close(JOB)

    places = [output.append(JOB, "stdout", b"second")]
    output.close(JOB)
    places.append(output.append(JOB, "stdout", b"third"))
    output.close(JOB)

    assert places == [(6, 4), (10, 0)]
    assert output.read(JOB, "stdout", 0, 100).data == b"first seco"
    assert output.sizes(JOB)["stdout"] == StreamSize(kept=10, dropped=7)


def test_on_a_full_disk_output_is_dropped_without_a_hole(
    tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    output = OutputStore(tmp_path, limit=100_000)
    output.append(JOB, "stdout", b"a" * 4_000)

    with file_limit(4_096):
        place = output.append(JOB, "stdout", b"b" * 200)
    late = output.append(JOB, "stdout", b"c" * 50)

    assert (place, late) == ((4_000, 96), (4_096, 0))
    assert output.sizes(JOB)["stdout"] == StreamSize(kept=4_096, dropped=154)
    assert output.read(JOB, "stdout", 3_999, 100_000).data == b"a" + b"b" * 96
    output.close_all()


def test_a_disk_without_room_for_the_first_byte_drops_everything(
    tmp_path: Path, file_limit: Callable[[int], AbstractContextManager[None]]
) -> None:
    output = OutputStore(tmp_path, limit=100)

    with file_limit(0):
        place = output.append(JOB, "stdout", b"lost")

    assert place == (0, 0)
    assert output.sizes(JOB)["stdout"] == StreamSize(kept=0, dropped=4)
    output.close_all()


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


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=20), max_size=10),
    limit=st.integers(1, 120),
    read_limit=st.integers(1, 30),
)
def test_the_chunks_of_a_stream_are_its_kept_bytes(
    pieces: list[bytes], limit: int, read_limit: int
) -> None:
    printed = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        output = OutputStore(Path(folder), limit=limit)
        for piece in pieces:
            output.append(JOB, "stdout", piece)
        while_running = read_all(output, read_limit)
        sizes = output.sizes(JOB)["stdout"]
        output.close(JOB)
        chunks = read_all(output, read_limit)

    kept = printed[:limit]
    assert sizes == StreamSize(len(kept), len(printed) - len(kept))
    assert b"".join(chunk.data for chunk in chunks) == kept
    assert [chunk.offset for chunk in chunks[1:]] == [chunk.next for chunk in chunks[:-1]]
    assert all(len(chunk.data) <= max(read_limit, 4) for chunk in chunks)
    assert kept.startswith(b"".join(chunk.data for chunk in while_running))
    assert len(kept) - sum(len(chunk.data) for chunk in while_running) <= 3


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=80), read_limit=st.integers(1, 30))
def test_every_chunk_of_text_is_text(text: str, read_limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = OutputStore(Path(folder), limit=1_000)
        output.append(JOB, "stdout", text.encode())
        while_running = read_all(output, read_limit)
        output.close(JOB)
        chunks = read_all(output, read_limit)

    assert "".join(chunk.data.decode() for chunk in chunks) == text
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
