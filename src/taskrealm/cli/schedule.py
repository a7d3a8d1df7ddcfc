"""What operators do with schedules: look at them, pause them, run them now."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..protocol.errors import InvalidArguments
from .connection import Connection, connects
from .jobs import json_option
from .terminal import print_json, print_table, say, visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..client import Client

_name = click.argument("name")


@click.group()
def schedule() -> None:
    """List, pause, resume and run schedules; for operators."""


@schedule.command()
@json_option
@connects
def ls(connection: Connection, as_json: bool) -> None:
    """List the schedules, each with its next run."""
    found = _ask(connection, lambda client: client.schedules())
    if as_json:
        for each in found:
            print_json(each)
        return
    if not found:
        say("This node has no schedules")
        return
    headings = ["schedule", "task", "when", "zone", "next", "last job"]
    print_table(headings, [_row(each) for each in found])
    for each in found:
        if each["error"] is not None:
            at = _local(each["error"]["at"])
            say(f"{each['name']} made no job at {at}: {visible(each['error']['error'])}")


@schedule.command("next")
@click.argument("name", required=False)
@json_option
@connects
def next_(connection: Connection, name: str | None, as_json: bool) -> None:
    """Show the next five runs of a schedule, or of all; by the clock of this machine."""
    found = _ask(connection, lambda client: client.schedules())
    if name is not None:
        found = [each for each in found if each["name"] == name]
        if not found:
            raise InvalidArguments(fields={"name": f"there is no schedule {name!r}"})
    runs = sorted((run, each["name"]) for each in found for run in each["next"])
    for run, owner in runs:
        if as_json:
            print_json({"name": owner, "at": run})
        else:
            click.echo(f"{_local(run)}  {owner}")


@schedule.command()
@_name
@json_option
@connects
def pause(connection: Connection, name: str, as_json: bool) -> None:
    """Make no more jobs by a schedule until `resume`, also over a restart."""
    _steer(connection, name, "pause", as_json=as_json)


@schedule.command()
@_name
@json_option
@connects
def resume(connection: Connection, name: str, as_json: bool) -> None:
    """Let a schedule make jobs again; what it has left out meanwhile stays left out."""
    _steer(connection, name, "resume", as_json=as_json)


@schedule.command()
@_name
@json_option
@connects
def run(connection: Connection, name: str, as_json: bool) -> None:
    """Make a job by a schedule at once, and print its id."""
    told = _ask(connection, lambda client: client.schedule(name, "run"))
    if as_json:
        print_json(told)
    else:
        click.echo(told["job_id"])


def _steer(connection: Connection, name: str, action: str, *, as_json: bool) -> None:
    told = _ask(connection, lambda client: client.schedule(name, action))
    if as_json:
        print_json(told)
    elif told["paused"]:
        say(f"{name} is paused")
    else:
        say(f"{name} runs next at {_local(told['next'][0])}" if told["next"] else f"{name} goes on")


def _row(told: dict[str, Any]) -> list[str | None]:
    following = _local(told["next"][0]) if told["next"] else None
    return [
        told["name"],
        told["task"],
        told["cron"],
        told["zone"],
        "paused" if told["paused"] else following,
        told["job_id"],
    ]


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%a %Y-%m-%d %H:%M:%S}"


def _ask(connection: Connection, question: Callable[[Client], Awaitable[Any]]) -> Any:
    async def ask() -> Any:
        async with connection.joined() as client:
            return await question(client)

    return asyncio.run(ask())
