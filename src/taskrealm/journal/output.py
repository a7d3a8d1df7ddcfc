"""What jobs print: plain files, bounded, addressed by byte offset."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .text import LONGEST_CHARACTER, whole_characters

if TYPE_CHECKING:
    from pathlib import Path

STREAMS = ("stdout", "stderr")

log = logging.getLogger(__name__)
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class StreamSize:
    """How many bytes of a stream are kept, and how many after them were dropped."""

    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The bytes of a stream from `offset` up to, but without, `next`."""

    offset: int
    next: int
    data: bytes


class _OpenStream:
    """A stream that may grow: its file, and beside it the count of dropped bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._file: int | None = None
        self._count: int | None = None
        size = _size(path)
        self.kept = size.kept
        self.dropped = size.dropped

    def append(self, data: bytes) -> int:
        """Add *data* and return how many bytes of it were kept."""
        before = self.kept
        # After the first dropped byte nothing more is kept: what is kept has no hole.
        if not self.dropped:
            try:
                self._keep(data[: max(0, self._limit - self.kept)])
            except OSError as error:
                log.warning(
                    "Output of a job is dropped: %s", error, extra={"path": str(self._path)}
                )
        kept = self.kept - before
        if kept < len(data):
            self.dropped += len(data) - kept
            self._write_count()
        return kept

    def close(self) -> None:
        for file in (self._file, self._count):
            if file is not None:
                os.close(file)

    def _keep(self, data: bytes) -> None:
        while data:
            if self._file is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            written = os.write(self._file, data)
            self.kept += written
            data = data[written:]

    def _write_count(self) -> None:
        # At every drop, not at the end: the count has to outlive a killed process too. On
        # a full disk it may fail, and is right again with the next drop that finds room.
        with contextlib.suppress(OSError):
            if self._count is None:
                self._count = os.open(_count_path(self._path), os.O_WRONLY | os.O_CREAT, 0o600)
            os.pwrite(self._count, b"%020d" % self.dropped, 0)


class OutputStore:
    """
    The output streams of all jobs, up to `limit` bytes of each.

    Bytes are with the operating system when `append` returns: they survive the end of
    this process, but not a power cut.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._open: dict[tuple[str, str], _OpenStream] = {}

    def append(self, job_id: str, stream: str, data: bytes) -> tuple[int, int]:
        """
        Add *data* to a stream; return the offset at which it was put and the bytes kept.

        What is over the limit, or cannot be written, is dropped and counted; from then on
        everything is. A full disk ends no job.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        open_stream = self._open.get((job_id, stream))
        if open_stream is None:
            open_stream = _OpenStream(self._path(job_id, stream), self._limit)
            self._open[job_id, stream] = open_stream
        offset = open_stream.kept
        return offset, open_stream.append(data)

    def close(self, job_id: str) -> None:
        """The job has ended: close its files. What they hold can still be read."""
        for stream in STREAMS:
            if open_stream := self._open.pop((job_id, stream), None):
                open_stream.close()

    def close_all(self) -> None:
        """Close the files of every job."""
        for job_id, _ in list(self._open):
            self.close(job_id)

    def sizes(self, job_id: str) -> dict[str, StreamSize]:
        """The size of each stream of a job, by name; zeros where nothing was printed."""
        sizes = {}
        for stream in STREAMS:
            if open_stream := self._open.get((job_id, stream)):
                sizes[stream] = StreamSize(open_stream.kept, open_stream.dropped)
            else:
                sizes[stream] = _size(self._path(job_id, stream))
        return sizes

    def read(self, job_id: str, stream: str, offset: int, limit: int) -> Chunk:
        """
        Read up to *limit* bytes (at least four) from *offset* on, cut at a whole character.

        A character that is incomplete at the very end is left for the next read as long
        as the stream may grow. Bytes that are no UTF-8 are passed through.

        Raises:
            ValueError: *job_id* or *stream* is none.
        """
        path = self._path(job_id, stream)
        limit = max(limit, LONGEST_CHARACTER)
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return Chunk(offset, offset, b"")
        try:
            data = os.pread(file, limit, offset)
        finally:
            os.close(file)
        may_continue = len(data) == limit or (job_id, stream) in self._open
        if may_continue:
            data = data[: whole_characters(data)]
        return Chunk(offset, offset + len(data), data)

    def _path(self, job_id: str, stream: str) -> Path:
        # Both may come from a caller, and neither may lead out of the folder.
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is no job_id")
        if stream not in STREAMS:
            raise ValueError(f"{stream!r} is no stream; there are {' and '.join(STREAMS)}")
        return self._folder / job_id[-2:] / f"{job_id}.{stream}"


def _count_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.dropped")


def _size(path: Path) -> StreamSize:
    kept = dropped = 0
    with contextlib.suppress(FileNotFoundError):
        kept = path.stat().st_size
    with contextlib.suppress(FileNotFoundError):
        dropped = int(_count_path(path).read_bytes() or 0)
    return StreamSize(kept, dropped)
