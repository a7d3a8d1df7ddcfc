"""What jobs print: plain files, bounded, addressed by byte offset."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .search import search
from .text import LONGEST_CHARACTER, unfinished_before, whole_characters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .search import Found, Needle

STREAMS = ("stdout", "stderr")
RESULT = "result"
"""Read like a stream: the result of a job, as JSON, that is too big for an event."""

TAIL_PIECES = 4  # files that hold the end of a long stream, each of a sixteenth of the limit
TAIL_SHARE = 4  # one part in this many of the limit is for the end of a long stream

log = logging.getLogger(__name__)
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class StreamSize:
    """How many bytes of a stream were printed, and how many of them are kept."""

    printed: int
    kept: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    The bytes of a stream from `offset` up to, but without, `next`.

    An `offset` behind the one that was asked for says that what lies between is not kept;
    then `gap` bytes before it are not.
    """

    offset: int
    next: int
    data: bytes
    gap: int = 0


@dataclass(slots=True)
class _Piece:
    """A file that holds the bytes of a stream from `start` on."""

    path: Path
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class StoredStream:
    """What is kept of a stream at one moment, to be read in any thread."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces

    def blocks(self, span: int, size: int, overlap: int) -> Iterator[bytes]:
        """
        The first and the last *span* bytes that are kept, in blocks of about *size* bytes.

        Each block but the first begins with the last *overlap* bytes of the one before, unless
        there is a gap in between.
        """
        runs = list(_runs(self._pieces))
        if not runs:
            return
        first, last = runs[0][0].start, runs[-1][-1].end
        parts = (
            [(first, last)]
            if last - first <= 2 * span
            else [(first, first + span), (last - span, last)]
        )
        for begin, end in parts:
            for run in runs:
                offset, stop = max(begin, run[0].start), min(end, run[-1].end)
                while offset < stop:
                    reach = min(stop, offset + size + overlap)
                    yield _read(run, offset, reach - offset)
                    offset = reach if reach == stop else reach - overlap


class _OpenStream:
    """
    A stream that may grow.

    Its first bytes are in one file. The last ones are in a few further files, each named
    by the offset at which it begins: when one more is needed, the oldest is removed. So
    the files alone tell what is kept and what was dropped, whenever a process is killed.
    """

    def __init__(self, path: Path, limit: int) -> None:
        piece = max(1, limit // (TAIL_SHARE * TAIL_PIECES))
        self._path = path
        self._head_limit = max(0, limit - TAIL_PIECES * piece)
        self._piece_limit = piece
        self._file: int | None = None
        self._has_warned = False
        self.pieces = deque(_pieces(path))

    @property
    def size(self) -> int:
        return self.pieces[-1].end if self.pieces else 0

    def append(self, data: bytes) -> int:
        """Add *data* and return the offset at which it was put, kept or not."""
        offset = self.size
        if not data:
            return offset
        end = offset + len(data)
        try:
            self._keep(memoryview(data), end)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                log.warning(
                    "Output of a job is dropped: %s", error, extra={"path": str(self._path)}
                )
            # An empty file says how far the stream goes. On a full disk not even that may
            # be possible; it is made up for with the next piece that is.
            with contextlib.suppress(OSError):
                self._begin(end)
                self._open()
        return offset

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _keep(self, data: memoryview, end: int) -> None:
        while data:
            room = self._room()
            if not room:
                # Of a flood, what would be removed at once is not written at all.
                data = data[-TAIL_PIECES * self._piece_limit :]
                self._begin(end - len(data))
                room = self._piece_limit
            if self._file is None:
                self._open()
            assert self._file is not None
            written = os.write(self._file, data[:room])
            self.pieces[-1].length += written
            data = data[written:]

    def _room(self) -> int:
        """How many bytes more the newest piece may hold."""
        if not self.pieces:
            self.pieces.append(_Piece(self._path, 0, 0))
        newest = self.pieces[-1]
        limit = self._head_limit if newest.path == self._path else self._piece_limit
        return max(0, limit - newest.length)

    def _begin(self, start: int) -> None:
        """Let the next bytes go to a new piece that begins at *start*."""
        self.close()
        piece = _Piece(_tail(self._path) / f"{start:020d}", start, 0)
        newest = self.pieces[-1]
        self.pieces.append(piece)
        if newest.length == 0 and newest.path != self._path:
            # It would only have said what the new one says better.
            del self.pieces[-2]
            with contextlib.suppress(FileNotFoundError):
                newest.path.rename(piece.path)
        first = 1 if self.pieces[0].path == self._path else 0
        while len(self.pieces) - first > TAIL_PIECES:
            oldest = self.pieces[first]
            del self.pieces[first]
            with contextlib.suppress(FileNotFoundError):
                oldest.path.unlink()

    def _open(self) -> None:
        path = self.pieces[-1].path
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path, flags, 0o600)


class OutputStore:
    """
    The output streams of all jobs, up to `limit` bytes of each: its beginning and its end.

    Offsets count what was printed, kept or not. Bytes are with the operating system when
    `append` returns: they survive the end of this process, but not a power cut.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._open: dict[tuple[str, str], _OpenStream] = {}

    def append(self, job_id: str, stream: str, data: bytes, *, limit: int | None = None) -> int:
        """
        Add *data* to a stream; return the offset at which it was put.

        Of a stream longer than *limit*, the store's own unless given, the first three
        quarters of that many bytes are kept, and the latest of the rest. What cannot be
        written is dropped as well. A full disk ends no job.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        open_stream = self._open.get((job_id, stream))
        if open_stream is None:
            path = self._path(job_id, stream, STREAMS)
            open_stream = _OpenStream(path, self._limit if limit is None else limit)
            self._open[job_id, stream] = open_stream
        return open_stream.append(data)

    def keep_result(self, job_id: str, data: bytes) -> None:
        """
        Keep *data*, the result of a job, durably; to be read as the stream `RESULT`.

        Raises:
            OSError: It cannot be written.
        """
        path = self._path(job_id, RESULT, (RESULT,))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.draft")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def result_file(self, job_id: str) -> Path:
        """Where `keep_result` has put the result of a job."""
        return self._path(job_id, RESULT, (RESULT,))

    def close(self, job_id: str) -> None:
        """The job has ended: close its files. What they hold can still be read."""
        for stream in STREAMS:
            if open_stream := self._open.pop((job_id, stream), None):
                open_stream.close()

    def close_all(self) -> None:
        """Close the files of every job."""
        for job_id, _ in list(self._open):
            self.close(job_id)

    def remove(self, job_id: str) -> None:
        """Remove everything that is kept of a job that has ended."""
        for stream in (*STREAMS, RESULT):
            path = self._path(job_id, stream)
            for file in (path, _count(path)):
                file.unlink(missing_ok=True)
            shutil.rmtree(_tail(path), ignore_errors=True)

    def sizes(self, job_id: str) -> dict[str, StreamSize]:
        """The size of each stream of a job, by name; zeros where nothing was printed."""
        return {stream: self.size(job_id, stream) for stream in STREAMS}

    def size(self, job_id: str, stream: str) -> StreamSize:
        """
        The size of one stream of a job.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        pieces = self._pieces(job_id, stream)
        return StreamSize(
            printed=pieces[-1].end if pieces else 0, kept=sum(piece.length for piece in pieces)
        )

    def read(self, job_id: str, stream: str, offset: int, limit: int) -> Chunk:
        """
        Read up to *limit* bytes (at least four) from *offset* on, cut at a whole character.

        What is not kept is skipped: the chunk begins where bytes are kept again. On either
        side of the gap characters are whole, so that it seems up to three bytes longer at
        each end. A character that is incomplete at the very end is left for the next read
        as long as the stream may grow. Bytes that are no UTF-8 are passed through.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        limit = max(limit, LONGEST_CHARACTER)
        may_grow = (job_id, stream) in self._open
        runs = list(_runs(self._pieces(job_id, stream)))
        position = offset
        gap_start = 0
        for run in runs:
            is_last = run is runs[-1]
            start, end = run[0].start, run[-1].end
            if end < position or (end == position and not is_last):
                gap_start = end
                continue
            place = max(start, position)
            if start > position:
                # Of the character at the edge of the gap the rest is gone.
                place += unfinished_before(_read(run, start, LONGEST_CHARACTER - 1))
            data = _read(run, place, limit)
            if len(data) == limit or may_grow or not is_last:
                data = data[: whole_characters(data)]
            if not data and not is_last:
                gap_start = end
                continue
            if not data and place > max(start, position) and may_grow:
                break  # more of it may follow
            gap = place - gap_start if place > offset else 0
            return Chunk(place, place + len(data), data, gap)
        return Chunk(offset, offset, b"")

    def search(self, job_id: str, stream: str, needle: Needle, offset: int, limit: int) -> Found:
        """
        Look for *needle* in what is kept of a stream from *offset* on, up to *limit* matches.

        It may be called in a thread. It stops after a while, as `search.search` says.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        return search(
            lambda begin, size: self.read(job_id, stream, begin, size), needle, offset, limit
        )

    def read_bytes(self, job_id: str, stream: str, offset: int, limit: int) -> bytes:
        """Up to *limit* bytes of a stream from *offset* on, wherever characters end."""
        return _read(self._pieces(job_id, stream), offset, limit)

    def stored(self, job_id: str, stream: str) -> StoredStream:
        """What is kept of a stream by now."""
        return StoredStream(self._pieces(job_id, stream))

    def checksum(self, job_id: str, stream: str) -> str:
        """The SHA-256 of what is kept of a stream."""
        digest = hashlib.sha256()
        for piece in self._pieces(job_id, stream):
            with contextlib.suppress(FileNotFoundError), piece.path.open("rb") as file:
                while data := file.read(1_048_576):
                    digest.update(data)
        return digest.hexdigest()

    def _pieces(self, job_id: str, stream: str) -> list[_Piece]:
        path = self._path(job_id, stream)
        open_stream = self._open.get((job_id, stream))
        return _pieces(path) if open_stream is None else list(open_stream.pieces)

    def _path(
        self, job_id: str, stream: str, streams: tuple[str, ...] = (*STREAMS, RESULT)
    ) -> Path:
        # Both may come from a caller, and neither may lead out of the folder.
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is no job_id")
        if stream not in streams:
            raise ValueError(f"{stream!r} is no stream; there are {' and '.join(streams)}")
        return self.folder / job_id[-2:] / f"{job_id}.{stream}"


def _tail(path: Path) -> Path:
    """The folder of the pieces behind the first one."""
    return path.with_name(f"{path.name}.tail")


def _count(path: Path) -> Path:
    """Where earlier versions, which kept only the beginning, counted the bytes behind it."""
    return path.with_name(f"{path.name}.dropped")


def _pieces(path: Path) -> list[_Piece]:
    """What is kept of a stream, in order; the end of the last one is the end of the stream."""
    pieces = []
    with contextlib.suppress(FileNotFoundError):
        pieces.append(_Piece(path, 0, path.stat().st_size))
    with contextlib.suppress(FileNotFoundError):
        head = pieces[0].length if pieces else 0
        start = head + int(_count(path).read_bytes() or 0)
        pieces.append(_Piece(_tail(path) / f"{start:020d}", start, 0))
    names: list[str] = []
    with contextlib.suppress(FileNotFoundError):
        names = sorted(os.listdir(_tail(path)))
    for name in names:
        # Of a stream that grows in the meantime, one may be removed.
        with contextlib.suppress(FileNotFoundError):
            file = _tail(path) / name
            piece = _Piece(file, int(name), file.stat().st_size)
            if pieces and pieces[-1].start == piece.start:
                pieces.pop()
            pieces.append(piece)
    return pieces


def _runs(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Groups of pieces with no gap between them."""
    run: list[_Piece] = []
    for piece in pieces:
        if run and run[-1].end != piece.start:
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _read(run: list[_Piece], offset: int, limit: int) -> bytes:
    """Up to *limit* bytes from *offset* on."""
    data = b""
    for piece in run:
        if piece.end <= offset + len(data):
            continue
        wanted = min(limit - len(data), piece.end - offset - len(data))
        if not wanted:
            break
        try:
            file = os.open(piece.path, os.O_RDONLY)
        except FileNotFoundError:
            break
        try:
            data += os.pread(file, wanted, offset + len(data) - piece.start)
        finally:
            os.close(file)
    return data
