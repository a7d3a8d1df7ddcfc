"""The files that jobs work on: found by their ids, and put where the job can read them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from ..tasks import TaskError, UploadedFile
from ..tasks.media import UNKNOWN
from ..tasks.uploads import files_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..journal import ContentStore, Upload, Uploads
    from ..tasks import Arguments, Task


async def files_named(uploads: Uploads, owner: str, *arguments: object) -> dict[str, UploadedFile]:
    """
    The files of *owner* that *arguments* name, by id; each with a name that no other has.

    Raises:
        JournalError: They cannot be looked up.
    """
    named = files_in(*arguments)
    if not named:
        return {}
    found = await uploads.claim(owner, named)
    files: dict[str, UploadedFile] = {}
    taken: set[str] = set()
    for file, upload in sorted(found.items()):
        files[file] = _file(upload, taken)
        taken.add(files[file].name)
    return files


async def put_in_place(
    task: Task,
    arguments: Arguments,
    contents: ContentStore,
    directory: Path,
    is_stopped: Callable[[], bool],
) -> Arguments:
    """
    The *arguments* of a job that begins, once copies of its files are in its *directory*.

    Raises:
        TaskError: A file is gone, or cannot be copied.
    """
    placed = {}
    for name, file in arguments.files.items():
        path = directory / file.name
        try:
            await asyncio.to_thread(contents.copy, file.sha256, path, is_stopped)
        except FileNotFoundError:
            raise TaskError(
                f"The file {file.name} is not there any more; upload it again"
            ) from None
        except OSError as error:
            raise TaskError(
                f"The file {file.name} could not be given to the job: {error.strerror}"
            ) from error
        placed[name] = replace(file, path=path)
    return task.restore(arguments.values, arguments.secrets, placed)


def _file(upload: Upload, taken: set[str]) -> UploadedFile:
    assert upload.sha256 is not None
    name = PurePath(upload.name)
    number = 1
    while str(name) in taken:
        number += 1
        name = PurePath(f"{PurePath(upload.name).stem}-{number}{name.suffix}")
    return UploadedFile(
        file=upload.upload,
        name=str(name),
        size=upload.size,
        media_type=upload.media_type or UNKNOWN,
        sha256=upload.sha256,
        kind=upload.kind,
    )
