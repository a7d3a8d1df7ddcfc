"""Files that go to a node, and those that its jobs leave."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import InvalidArguments, Unavailable
from ..wire import Disconnected
from .connection import PAUSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from .connection import Connection

    Source = str | os.PathLike[str] | bytes | IO[bytes]
    OnProgress = Callable[[float], object]

READ = 1_048_576  # bytes read at once to compute a checksum
NAMELESS = "file"


class ArtifactDamaged(Exception):
    """What arrived of an artifact is not what the job had left, or the file is shorter now."""


@dataclass(frozen=True, slots=True)
class File:
    """
    A file to be sent as an argument, as in `client.exec("pages", {"source": File(data, "a.pdf")})`.

    The *source* is a path, bytes, or a file object that is open for reading bytes.
    """

    source: Source
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a job has left; made by `Job.artifacts`. Times are in ISO 8601."""

    job_id: str
    name: str
    title: str | None
    media_type: str
    size: int
    sha256: str
    created_at: str
    expires_at: str | None
    _connection: Connection = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """What is known about it, as JSON has words for it."""
        names = (each.name for each in fields(self) if each.name != "_connection")
        return {name: getattr(self, name) for name in names}

    def path_in(self, folder: Path) -> Path:
        """Where it belongs in *folder*: under its own name, and nowhere else."""
        return folder.joinpath(*_harmless(self.name))

    async def pieces(self) -> AsyncIterator[bytes]:
        """
        Its bytes, in pieces, across lost connections.

        Raises:
            UnknownArtifact: It has expired, or its job is forgotten.
            ArtifactDamaged: The checksum of all of them is not its own.
        """
        digest = hashlib.sha256()
        offset = 0
        while offset < self.size:
            piece = await self._connection.insist(
                uris.ARTIFACT, self.job_id, self.name, offset=offset
            )
            data: bytes = piece["data"]
            if not data:
                raise ArtifactDamaged(f"{self.name} ends at byte {offset} of {self.size}")
            digest.update(data)
            offset += len(data)
            yield data
        if digest.hexdigest() != self.sha256:
            raise ArtifactDamaged(f"{self.name} is not what job {self.job_id} has left")

    async def read(self) -> bytes:
        """All of it; see `pieces` for what it raises."""
        return b"".join([piece async for piece in self.pieces()])

    async def save(
        self, path: str | os.PathLike[str] = ".", *, on_progress: OnProgress | None = None
    ) -> Path:
        """
        Write it to the file *path*, or into that folder under its own name; gives the path.

        The file is there when all of it is, and has been checked. One that is there already is
        replaced. *on_progress* is told which fraction has arrived.

        Raises:
            OSError: It cannot be written.
        """
        target, draft, file = await asyncio.to_thread(_begin, Path(path), self.name)
        try:
            with file:
                done = 0
                async for piece in self.pieces():
                    await asyncio.to_thread(file.write, piece)
                    done += len(piece)
                    if on_progress is not None:
                        on_progress(done / self.size)
            os.replace(draft, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
            raise
        return target


class Sending:
    """One file on its way to the node; it goes on where it was after a lost connection."""

    def __init__(
        self,
        connection: Connection,
        file: File,
        on_progress: OnProgress | None,
        on_behalf_of: str | None,
    ) -> None:
        self._connection = connection
        self._file = file
        self._on_progress = on_progress
        self._owner = {"on_behalf_of": on_behalf_of}
        self._failing_since: float | None = None

    async def run(self) -> str:
        """Send all of it; gives the id of the file."""
        with _opened(self._file.source) as file:
            size, sha256 = await asyncio.to_thread(_measured, file)
            begun = await self._insist(
                uris.UPLOAD_BEGIN,
                name=self._file.name or name_of(self._file.source),
                size=size,
                sha256=sha256,
                media_type=self._file.media_type,
                **self._owner,
            )
            upload, chunk, offset = begun["upload"], begun["chunk"], begun["offset"]
            while offset < size:
                self._tell(offset, size)
                offset = await self._send(file, upload, offset, min(chunk, size - offset))
            finished = await self._insist(uris.UPLOAD_FINISH, upload, **self._owner)
            self._tell(size, size)
        return str(finished["file"])

    async def _send(self, file: IO[bytes], upload: str, offset: int, size: int) -> int:
        """Send a piece; gives where the next one begins."""
        data = await asyncio.to_thread(_piece, file, offset, size)
        if len(data) < size:
            raise OSError(f"The file has become shorter while it was sent: at byte {offset}")
        try:
            answer = await self._connection.call(
                uris.UPLOAD_APPEND, upload, offset=offset, data=data, **self._owner
            )
        except (Disconnected, Unavailable, InvalidArguments) as error:
            # Nobody knows whether it has arrived but the node.
            if isinstance(error, InvalidArguments) and "offset" not in error.fields:
                raise
            await self._pause(error)
            answer = await self._insist(uris.UPLOAD_STATUS, upload, **self._owner)
        else:
            self._failing_since = None
        return int(answer["offset"])

    async def _insist(self, uri: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self._connection.repeat_and_take(
            lambda answer: answer, uri, *args, **kwargs
        )
        return answer

    async def _pause(self, error: Exception) -> None:
        """Wait a little, unless nothing has been sent for as long as we are patient."""
        clock = asyncio.get_running_loop().time
        self._failing_since = self._failing_since or clock()
        if clock() - self._failing_since > self._connection.patience:
            raise error
        await asyncio.sleep(random.uniform(0, PAUSE / 4))

    def _tell(self, done: int, size: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done / size if size else 1.0)


def files_among(value: Any) -> list[File]:
    """Every file to be sent that is somewhere in the arguments *value*."""
    match value:
        case File():
            return [value]
        case PurePath():
            return [File(value)]
        case str() | bytes():
            return []
        case Mapping():
            return [file for each in value.values() for file in files_among(each)]
        case Sequence():
            return [file for each in value for file in files_among(each)]
    return []


def with_ids(value: Any, ids: Mapping[File, str]) -> Any:
    """The arguments *value* with the id of each file in its place."""
    match value:
        case File():
            return ids[value]
        case PurePath():
            return ids[File(value)]
        case str() | bytes():
            return value
        case Mapping():
            return {name: with_ids(each, ids) for name, each in value.items()}
        case Sequence():
            return [with_ids(each, ids) for each in value]
    return value


def _begin(path: Path, name: str) -> tuple[Path, Path, IO[bytes]]:
    """The file that *path* means for an artifact called *name*, and a draft of it beside it."""
    if path.is_dir():
        path = path.joinpath(*_harmless(name))
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    return path, draft, draft.open("xb")


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes | bytearray):
        yield io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            yield file
    else:
        yield source


def _measured(file: IO[bytes]) -> tuple[int, str]:
    """The size of a file, and its checksum."""
    file.seek(0)
    digest = hashlib.sha256()
    size = 0
    while data := file.read(READ):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


def _piece(file: IO[bytes], offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def name_of(source: Source) -> str:
    """What a file from *source* is called, unless somebody says otherwise."""
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return os.path.basename(os.fspath(name)) if isinstance(name, str | os.PathLike) else NAMELESS


def _harmless(name: str) -> list[str]:
    """The parts of *name*, none of which leads anywhere else."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return parts or [NAMELESS]
