"""Files on the command line: sent as arguments, and fetched from jobs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from . import exits
from .connection import Connection, connects
from .exits import Stopped
from .terminal import console, print_json, print_table, say, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..client import Artifact, Client

FORMAT: Final = "taskrealm-file"
FILE: Final = re.compile(r"file_[0-9a-f]{32}")
STDOUT: Final = "-"


class FileType(click.ParamType[Any]):
    """A file to be sent, named by its path, with an `@` before it or not; or the id of one."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """
        The path that *value* stands for, or *value* itself if it is an id.

        Raises:
            click.BadParameter: There is no such file.
        """
        if not isinstance(value, str) or FILE.fullmatch(value):
            return value
        path = Path(value.removeprefix("@")).expanduser()
        if not path.is_file() or not os.access(path, os.R_OK):
            self.fail(f"{visible(path)} is no file that can be read", param, ctx)
        return path


async def send_files(
    client: Client, arguments: dict[str, Any], *, on_behalf_of: str | None = None
) -> dict[str, Any]:
    """*arguments* with the id of each file in place of its path, once they have been sent."""

    async def sent(value: Any) -> Any:
        if isinstance(value, Path):
            with _bar(f"Sending {visible(value.name)}") as show:
                return await client.upload(value, on_progress=show, on_behalf_of=on_behalf_of)
        if isinstance(value, list):
            return [await sent(each) for each in value]
        return value

    try:
        return {name: await sent(value) for name, value in arguments.items()}
    except OSError as error:
        raise Stopped(f"A file cannot be sent: {error}", exits.REFUSED_ARGUMENTS) from None


@click.command()
@click.argument("job_id", metavar="ID")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "-o", "--output", help="The file, or the folder, to write to; `-` is standard output."
)
@click.option("--list", "only_list", is_flag=True, help="Only say which there are.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@connects
def get(
    connection: Connection,
    job_id: str,
    names: Sequence[str],
    output: str | None,
    only_list: bool,
    force: bool,
    as_json: bool,
) -> None:
    """
    Fetch the files that a job has left.

    All of them, or those named, are written to this folder, or where --output says, and
    their paths are printed. Each is checked before it gets its name.
    """

    async def fetch() -> None:
        async with connection.joined() as client:
            job = client.job(job_id)
            if names:
                artifacts = [await job.artifact(name) for name in names]
            else:
                artifacts = await job.artifacts()
            if only_list:
                _print_list(artifacts, as_json=as_json)
            elif not artifacts:
                say("The job has left no files")
            elif output == STDOUT:
                await _print(artifacts)
            else:
                for artifact in artifacts:
                    target = _target(artifact, output, one=len(artifacts) == 1)
                    await _save(artifact, target, force=force, as_json=as_json)

    asyncio.run(fetch())


def _target(artifact: Artifact, output: str | None, *, one: bool) -> Path:
    """Where *artifact* goes: a name of its own in a folder, or what the user said."""
    target = Path("." if output is None else output)
    if output is not None and not target.is_dir() and (not one or output.endswith("/")):
        target.mkdir(parents=True, exist_ok=True)
    return artifact.path_in(target) if target.is_dir() else target


async def _save(artifact: Artifact, target: Path, *, force: bool, as_json: bool) -> None:
    from ..client import ArtifactDamaged

    if _is_there(target) and not force:
        raise Stopped(f"{visible(target)} exists; --force replaces it", exits.FAILURE)
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        with _bar(f"Fetching {visible(artifact.name)}") as show:
            await artifact.save(target, on_progress=show)
    except (OSError, ArtifactDamaged) as error:
        raise Stopped(f"{visible(artifact.name)}: {error}", exits.FAILURE) from None
    if as_json:
        print_json({"name": artifact.name, "path": str(target), "size": artifact.size})
    else:
        click.echo(visible(target))


def _is_there(target: Path) -> bool:
    # A link that leads nowhere is in the way as well.
    return os.path.lexists(target)


async def _print(artifacts: Sequence[Artifact]) -> None:
    from ..client import ArtifactDamaged

    try:
        for artifact in artifacts:
            async for piece in artifact.pieces():
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except ArtifactDamaged as error:
        raise Stopped(str(error), exits.FAILURE) from None


def _print_list(artifacts: Sequence[Artifact], *, as_json: bool) -> None:
    rows = [
        (each.name, each.size, each.media_type, each.title, each.expires_at) for each in artifacts
    ]
    if not as_json:
        print_table(("name", "bytes", "type", "title", "until"), rows)
        return
    for each in artifacts:
        print_json(each.as_dict())


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error, if that is a terminal; what it gives is told the fraction."""
    terminal = console(stderr=True)
    if not terminal.is_terminal or terminal.is_dumb_terminal:
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        *(BarColumn(), TaskProgressColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=terminal, transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)
