"""The bytes of files: each content once, under its checksum, and drafts of what is not whole yet."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from ..protocol.errors import Unavailable
from ..tasks.media import HEAD, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = "files"
CONTENTS = "contents"
DRAFTS = "drafts"
PIECE = 1_048_576  # bytes read or copied at once
FREE_SPACE = 268_435_456  # bytes of the disk that files leave free

_NOT_TOGETHER = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

SHA256 = re.compile(r"[0-9a-f]{64}")


class Content(NamedTuple):
    """What a draft has turned out to hold: its checksum, its size, and its media type if seen."""

    sha256: str
    size: int
    kind: str | None


class ContentStore:
    """
    The bytes of uploads and artifacts, in files that never change once they have a checksum.

    Nothing here knows whose they are. Contents are placed and removed in the thread of the
    journal's writer, so that none is removed while something begins to refer to it.
    """

    def __init__(self, folder: Path, *, free_space: int = FREE_SPACE) -> None:
        """*free_space* is how many bytes of the disk files leave free."""
        self.folder = folder
        self._contents = folder / CONTENTS
        self._drafts = folder / DRAFTS
        self._free_space = free_space

    def require_room(self, size: int) -> None:
        """
        Make sure that *size* more bytes fit on the disk.

        Raises:
            Unavailable: They do not.
        """
        self._make(self._drafts)
        if shutil.disk_usage(self._drafts).free - self._free_space < size:
            raise no_room()

    def draft(self, name: str) -> Path:
        """Where the draft called *name* is written, if there is one."""
        self._make(self._drafts)
        return self._drafts / name

    def drafts(self) -> list[str]:
        """The names of all drafts."""
        try:
            return os.listdir(self._drafts)
        except FileNotFoundError:
            return []

    def drafted(self, name: str) -> int:
        """How many bytes the draft called *name* has by now."""
        try:
            return os.stat(self._drafts / name).st_size
        except FileNotFoundError:
            return 0

    def append(self, name: str, offset: int, data: bytes) -> None:
        """
        Add *data* to a draft of *offset* bytes, all of it or nothing.

        Raises:
            Unavailable: There is no room for it.
        """
        file = os.open(self.draft(name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(file, data[written:], offset + written)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(file, offset)
            raise no_room() from error
        finally:
            os.close(file)

    def remove_draft(self, name: str) -> None:
        """There shall be no such draft."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._drafts / name)

    def seal(self, name: str) -> Content:
        """
        Read a draft that is whole, and see to it that it is on the disk and changes no more.

        Raises:
            FileNotFoundError: There is no such draft.
            OSError: It cannot be read or written.
        """
        digest = hashlib.sha256()
        with open(self._drafts / name, "rb", buffering=0) as file:
            size = 0
            head = b""
            while piece := file.read(PIECE):
                head = head or piece[:HEAD]
                digest.update(piece)
                size += len(piece)
            os.fchmod(file.fileno(), 0o400)
            os.fsync(file.fileno())
        return Content(digest.hexdigest(), size, kind_of(head))

    def place(self, name: str, sha256: str) -> None:
        """
        Let a draft that was sealed become the content *sha256*; for the writer's thread.

        Raises:
            OSError: It cannot, such as on a full disk.
        """
        path = self.path(sha256)
        if not path.parent.exists():
            self._make(self._contents)
            path.parent.mkdir(mode=0o700)
            _sync(self._contents)
            _sync(self.folder)
        # One that is there already has the same bytes: it does no harm to replace it.
        os.replace(self._drafts / name, path)
        _sync(path.parent)

    def path(self, sha256: str) -> Path:
        """Where a content is, if there is one."""
        if not SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no checksum")
        return self._contents / sha256[:2] / sha256

    def read(self, sha256: str, offset: int, limit: int) -> bytes:
        """
        Up to *limit* bytes of a content, from *offset* on.

        Raises:
            FileNotFoundError: It is not there any more.
        """
        return read_piece(self.path(sha256), offset, limit)

    def copy(self, sha256: str, target: Path, is_stopped: Callable[[], bool]) -> None:
        """
        Write a content into the new file *target*, until *is_stopped*.

        It is a copy, so that whoever changes it changes nothing else; on file systems that
        know how to, it shares the bytes on the disk.

        Raises:
            FileNotFoundError: The content is not there any more.
            OSError: It cannot be copied.
        """
        source = os.open(self.path(sha256), os.O_RDONLY | os.O_CLOEXEC)
        try:
            made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
            try:
                copy_all(source, made, is_stopped)
            finally:
                os.close(made)
        finally:
            os.close(source)

    def parts(self) -> list[str]:
        """The parts in which contents are kept, by name."""
        try:
            return sorted(os.listdir(self._contents))
        except FileNotFoundError:
            return []

    def contents(self, part: str) -> Iterator[str]:
        """The checksums of all contents in *part*."""
        with contextlib.suppress(FileNotFoundError):
            yield from filter(SHA256.fullmatch, os.listdir(self._contents / part))

    def remove(self, sha256: str) -> None:
        """Remove a content to which nothing refers; for the writer's thread."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(sha256))

    def _make(self, folder: Path) -> None:
        for each in (self.folder, folder):
            each.mkdir(mode=0o700, exist_ok=True)


def no_room() -> Unavailable:
    """The error of those whose file does not fit on the disk."""
    return Unavailable(
        "There is no room for this file on the node's disk just now; try again later"
    )


def read_piece(path: Path, offset: int, limit: int) -> bytes:
    """Up to *limit* bytes of the file at *path*, from *offset* on."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(file, limit, offset)
    finally:
        os.close(file)


def copy_all(source: int, target: int, is_stopped: Callable[[], bool], limit: int = 2**62) -> int:
    """Copy from one descriptor to another, at most *limit* bytes; gives how many it were."""
    done = 0
    while done < limit and not is_stopped():
        copied = _copy(source, target, min(16 * PIECE, limit - done))
        if not copied:
            break
        done += copied
    return done


def _copy(source: int, target: int, size: int) -> int:
    try:
        return os.copy_file_range(source, target, size)
    except OSError as error:
        # From one file system to another not every kernel can.
        if error.errno not in _NOT_TOGETHER:
            raise
    data = os.read(source, min(size, PIECE))
    written = 0
    while written < len(data):
        written += os.write(target, data[written:])
    return len(data)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
