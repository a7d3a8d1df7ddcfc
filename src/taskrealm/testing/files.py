"""The files of a trial: those that its task is given, and those that it leaves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..client.files import files_among, name_of, with_ids
from ..executor.inputs import files_named
from ..journal import Artifacts, UploadLimits, Uploads
from ..settings import FileSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..client import File
    from ..journal import Journal
    from ..tasks import UploadedFile

    Given = tuple[tuple[Any, ...], dict[str, Any], Mapping[str, UploadedFile]]


async def sent(
    journal: Journal, owner: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Given:
    """The arguments with ids in the place of files, which are in *journal* then; and the files."""
    uploads = Uploads(journal, UploadLimits.of(FileSettings()))
    ids = dict.fromkeys(files_among([args, kwargs]), "")
    for file in ids:
        ids[file] = await _send(uploads, owner, file)
    given = tuple(with_ids(args, ids)), dict(with_ids(kwargs, ids))
    return *given, await files_named(uploads, owner, *given)


async def left(journal: Journal, job_id: str) -> dict[str, bytes]:
    """What is in the artifacts of a job, by name."""
    artifacts = Artifacts(journal)
    return {
        each.name: await artifacts.read(each, 0, each.size) for each in await artifacts.of(job_id)
    }


async def _send(uploads: Uploads, owner: str, file: File) -> str:
    data = await asyncio.to_thread(_bytes_of, file.source)
    name = file.name or name_of(file.source)
    begun = await uploads.begin(owner, name, len(data), sha256=None, media_type=file.media_type)
    await uploads.append(owner, begun.upload, 0, data)
    return (await uploads.finish(owner, begun.upload)).upload


def _bytes_of(source: str | os.PathLike[str] | bytes | IO[bytes]) -> bytes:
    if isinstance(source, bytes):
        return source
    return Path(source).read_bytes() if isinstance(source, str | os.PathLike) else source.read()
