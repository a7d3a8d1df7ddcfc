"""The tasks of a node, and the parameters of each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from .arguments import TaskCommand, default_of, type_name
from .connection import Connection, connects
from .display import clock
from .run import named
from .terminal import print_json, print_table, visible

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@connects
def tasks(connection: Connection, name: str | None, as_json: bool) -> None:
    """
    List the tasks you may run, or the parameters of one.

    With NAME, its parameters in the order in which words without a flag are taken.
    """
    found = asyncio.run(_tasks(connection))
    chosen = found if name is None else [named(name, found)]
    if as_json:
        for task in chosen:
            print_json(task)
    elif name is None:
        print_table(["task", "title"], [(task["name"], task["title"]) for task in found])
    else:
        _print_task(chosen[0])


async def _tasks(connection: Connection) -> list[dict[str, Any]]:
    async with connection.joined() as client:
        return await client.tasks()


def _print_task(task: Mapping[str, Any]) -> None:
    click.echo(f"{visible(task['name'])}: {visible(task['title'])}")
    for line in (task.get("help") or "").splitlines():
        click.echo(visible(line))
    if task["timeout"] is not None:
        click.echo(f"A job may run for {clock(task['timeout'])}.")
    options = TaskCommand(task, []).task_options
    if options:
        click.echo()
        print_table(
            ["parameter", "flag", "type", "default", "meaning"],
            [
                (
                    option.parameter,
                    " ".join((*option.opts, *option.secondary_opts)),
                    type_name(option.schema),
                    "required" if option.is_required else default_of(option.schema),
                    option.schema.get("description"),
                )
                for option in options
            ],
        )
