"""Backups of a node's journal: made while it runs, put back while it does not."""

from __future__ import annotations

from pathlib import Path

import click

from ..journal import JournalError, back_up
from ..journal import restore as restore_journal
from . import exits
from .connection import find_node, node_option
from .exits import Stopped
from .terminal import console, print_json, say

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON line.")


@click.command()
@_file
@_json
@node_option
def backup(file: Path, as_json: bool, node: Path | None) -> None:
    """
    Write a backup of the journal into a file, also while the node runs.

    FILE, a tar archive that is made, then holds all jobs as they are at one moment, with
    their events, their results and their output. Settings, tasks and tokens are not in it:
    they are files of yours.
    """
    from rich.progress import Progress

    folder = find_node(node)
    try:
        with Progress(console=console(stderr=True), transient=True) as bar:
            task = bar.add_task("Backing up", total=None)
            summary = back_up(
                folder.journal,
                file,
                lambda done, size: bar.update(task, completed=done, total=size),
            )
    except JournalError as error:
        raise Stopped(str(error), exits.FAILURE) from None
    if as_json:
        print_json({"file": str(file), "made_at": summary.made_at, "jobs": summary.jobs})
    else:
        say(f"{file}: {summary.total} jobs, {summary.waiting} waiting, {summary.running} running")


@click.command()
@_file
@click.option("--replace", is_flag=True, help="Move away the journal that is there.")
@_json
@node_option
def restore(file: Path, replace: bool, as_json: bool, node: Path | None) -> None:
    """
    Make a backup the journal of a node that does not run.

    FILE was written by `taskrealm backup`. With the next start jobs that waited then wait
    again, even if they have run since, and jobs that ran then count as lost.
    """
    folder = find_node(node)
    folder.state.mkdir(mode=0o700, exist_ok=True)
    try:
        summary = restore_journal(folder.journal, file, replace=replace)
    except JournalError as error:
        raise Stopped(str(error), exits.FAILURE) from None
    if as_json:
        print_json({"file": str(file), "made_at": summary.made_at, "jobs": summary.jobs})
    else:
        say(f"{summary.total} jobs restored as they were at {summary.made_at}")
        say(
            f"With the next start {summary.waiting} of them wait again, and {summary.running}"
            " that ran are lost, or run again if their task allows it"
        )
