"""Runs a task: its parameters become flags, and its exit code is the job's."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..protocol.errors import UnknownTask
from . import exits
from .arguments import TaskCommand, TaskOption
from .connection import Connection, connects
from .display import display
from .exits import Stopped
from .files import send_files
from .following import follow_and_cancel
from .terminal import print_json
from .words import JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..client import Client


def job_options() -> list[click.Option]:
    """The options that say how a job is run, and how it is followed."""
    return [
        click.Option(["--priority"], type=int, help="Higher starts first.  [default: 0]"),
        click.Option(["--timeout"], type=float, help="Seconds it may run; only to shorten."),
        click.Option(["--delay"], type=float, help="Seconds to wait before it may start."),
        click.Option(["--not-before"], help="When it may start, as 2030-01-31T08:00+01:00."),
        click.Option(["--retries"], type=int, help="How often to run again; only to lower."),
        click.Option(["--expires"], type=float, help="Seconds to wait in the queue, no longer."),
        click.Option(["--after"], multiple=True, help="A job that has to succeed before."),
        click.Option(["--key"], help="Your own name for it: repeated, no second job is made."),
        click.Option(["--on-behalf-of"], help="For backends: the user whose job it will be."),
        click.Option(["--team", "teams"], multiple=True, help="One of the teams of that user."),
        click.Option(["--tag", "tags"], multiple=True, help="A word to find the job by."),
        click.Option(
            ["--arguments"],
            type=JsonObject(),
            help="All arguments as JSON, or @FILE, or - for stdin.",
        ),
        click.Option(["--detach"], is_flag=True, help="Print the job's id and leave it alone."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON lines."),
    ]


@click.command(
    params=[*job_options()],
    context_settings={"allow_interspersed_args": False},
)
@click.argument("task")
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENT|--PARAMETER VALUE]..."
)
@connects
def run(connection: Connection, task: str, words: tuple[str, ...], **options: Any) -> None:
    """
    Run a task and follow its job.

    `taskrealm run TASK --help` shows the parameters of TASK: each is a flag, and words
    without a flag are taken in the order of the parameters. The options below stand before
    TASK, or behind it if TASK has no parameter of that name. A field within a parameter has a
    flag such as `--size.width`, a list is given by repeating its flag, and a mapping by
    repeating `--define name=value`. Secrets are asked for, or read from `@FILE` or `-`.

    A parameter that is a file takes its path, as @film.mov; it is sent first.

    The job's output comes out where the job put it, and its exit code is passed on. Ctrl-C
    cancels the job politely; a second one kills it.

    \b
    Exit codes of our own:
      2 wrong usage          6 the queue is full
      3 refused arguments    7 no connection
      4 not allowed        124 the job timed out
      5 no such task       130 the job was cancelled
    """
    click.get_current_context().exit(asyncio.run(_run(connection, task, words, options)))


async def _run(
    connection: Connection, name: str, words: Sequence[str], options: dict[str, Any]
) -> int:
    async with connection.joined() as client:
        task = named(name, await client.tasks())
        if not (TaskCommand(task, []).may_ask or "-" in words):
            return await _exec(client, task, words, options)
    # Nobody types a password in the time that a connection may be silent.
    arguments, options = _told(task, words, options)
    async with connection.joined() as client:
        return await _exec(client, task, (), {**options, "arguments": arguments})


async def _exec(
    client: Client, task: Mapping[str, Any], words: Sequence[str], options: dict[str, Any]
) -> int:
    arguments, options = _told(task, words, options)
    job = await client.exec(
        task["name"],
        await send_files(client, arguments, on_behalf_of=options["on_behalf_of"]),
        priority=options["priority"] or 0,
        timeout=options["timeout"],
        delay=options["delay"],
        not_before=_moment(options["not_before"]),
        retries=options["retries"],
        expires=options["expires"],
        key=options["key"],
        after=options["after"],
        tags=options["tags"],
        on_behalf_of=options["on_behalf_of"],
        teams=options["teams"],
    )
    if options["detach"]:
        if options["as_json"]:
            print_json({"job_id": job.job_id})
        else:
            click.echo(job.job_id)
        return 0
    return await follow_and_cancel(job, display(as_json=options["as_json"]))


def _told(
    task: Mapping[str, Any], words: Sequence[str], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments, and all options, of which those behind the name of the task win."""
    arguments, more = parse(task, words, options["arguments"])
    chosen = {
        option: value
        for option, value in more.items()
        if value is not None and value is not False and value != ()
    }
    return arguments, {**options, **chosen}


def parse(
    task: Mapping[str, Any], words: Sequence[str], given: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    What *words* behind the name of *task* mean: its arguments, and options of the job.

    *given* are the arguments that stood before it.

    Raises:
        Stopped: A value of the wrong type for a parameter.
        click.UsageError: A line that cannot be understood.
    """
    command = TaskCommand(task, job_options())
    try:
        return command.parse(f"taskrealm run {command.name}", words, given)
    except click.BadParameter as error:
        if isinstance(error.param, TaskOption):
            raise Stopped(error.format_message(), exits.REFUSED_ARGUMENTS) from None
        raise


def _moment(text: str | None) -> datetime | None:
    """The moment that *text* stands for; without an offset, by the clock on this machine's wall."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise click.UsageError(
            f"--not-before: {text!r} is no time in ISO 8601, such as 2030-01-31T08:00+01:00"
        ) from None


def named(name: str, tasks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """
    The task called *name*.

    Raises:
        UnknownTask: It is not among *tasks*.
    """
    for task in tasks:
        if task["name"] == name:
            return task
    raise UnknownTask(f"There is no task {name!r} that you may run; `taskrealm tasks` lists them")
