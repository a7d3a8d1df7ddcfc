"""The tasks of a site as TypeScript."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import click

from ..settings import SettingsError, load_settings
from ..tasks import TaskError, load_tasks
from . import exits
from .connection import Connection, connects, find_node
from .exits import Stopped
from .typescript import declaration

if TYPE_CHECKING:
    from pathlib import Path


@connects
def _asked(connection: Connection) -> None:
    """Print the tasks that a running node offers us."""
    click.echo(declaration(asyncio.run(_tasks(connection))), nl=False)


@click.command()
@click.option(
    "--offline",
    is_flag=True,
    help="Read the tasks in the node's folder, all of them; it need not run.",
)
@functools.wraps(_asked, assigned=())
def types(offline: bool, node: Path | None, **options: Any) -> None:
    """
    Print the tasks you may run as TypeScript, for programs that run them.

    Put it into a file, such as tasks.d.ts, and `client.exec` of @taskrealm/client takes only
    tasks that there are, and arguments that fit.
    """
    if offline:
        click.echo(_read(node), nl=False)
    else:
        _asked(node=node, **options)


def _read(node: Path | None) -> str:
    """
    The tasks in the folder of a *node*.

    Raises:
        Stopped: There is a mistake in them.
    """
    folder = find_node(node)
    try:
        settings = load_settings(folder.settings_file)
        registry = load_tasks(folder.root / settings.executor.tasks)
    except (SettingsError, TaskError) as error:
        raise Stopped(str(error), exits.USAGE) from None
    return declaration(task.description() for task in registry.values())


async def _tasks(connection: Connection) -> list[dict[str, Any]]:
    async with connection.joined() as client:
        return await client.tasks()
