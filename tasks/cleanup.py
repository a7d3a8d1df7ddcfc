"""Make room."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from taskrealm.tasks import report, task

FILES = (Path(__file__).parents[1] / "files").resolve()
DAY = 86_400.0  # seconds
SHOWN = 20  # names that stand in the question


@task(name="files.clean", timeout=3_600)
def clean(
    folder: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$", description="The folder below files/"),
    ],
    days: Annotated[
        float, Field(ge=0, le=36_500, description="Files not changed for so many days go")
    ] = 30.0,
) -> Iterator[Any]:
    """
    Delete old files of a folder, after a question.

    Nothing is deleted unless somebody answers yes within half an hour.
    """
    before = time.time() - days * DAY
    old = [path for path in _files(FILES / folder) if path.stat().st_mtime < before]
    if not old:
        return {"deleted": 0, "bytes": 0}
    size = sum(path.stat().st_size for path in old)
    names = ", ".join(path.name for path in old[:SHOWN])
    more = f" and {len(old) - SHOWN} more" if len(old) > SHOWN else ""
    question = f"Delete {len(old)} files of {size / 1_000_000:.1f} MB: {names}{more}?"
    if not report.ask(question, default=False, timeout=1_800):
        yield "Nothing was deleted"
        return {"deleted": 0, "bytes": 0}
    for number, path in enumerate(old, start=1):
        path.unlink(missing_ok=True)
        yield number / len(old), path.name
    return {"deleted": len(old), "bytes": size}


def _files(folder: Path) -> list[Path]:
    """The files in *folder* itself, in order of names; what links lead to is not touched."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
