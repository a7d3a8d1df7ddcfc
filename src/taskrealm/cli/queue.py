"""What operators do to a whole node: see how busy it is, pause it, drain it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import click

from ..protocol.jobs import Intake
from .connection import Connection, connects
from .display import clock
from .jobs import json_option
from .terminal import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..client import Client

SENTENCES: Final = {
    Intake.OPEN: "The node takes jobs and starts them",
    Intake.PAUSED: "The queue is paused: jobs are taken, and none is started",
    Intake.DRAINING: "The node drains: no jobs are taken, and none is started",
}
LOOK: Final = 0.5  # seconds between two questions whether the node is drained


@click.command()
@json_option
@connects
def status(connection: Connection, as_json: bool) -> None:
    """Show how busy a node is; for operators."""
    statistics = _ask(connection, lambda client: client.statistics())
    if as_json:
        print_json(statistics)
        return
    _tell(statistics)
    click.echo(f"slots:    {statistics['slots_used']} of {statistics['slots']} in use")
    click.echo(f"queued:   {statistics['queued']}{_limits(statistics)}")
    click.echo(f"delayed:  {statistics['delayed']}")
    if statistics["oldest"] is not None:
        click.echo(f"oldest:   waits since {clock(statistics['oldest'])}")
    click.echo(f"up since: {clock(statistics['uptime'])}")
    for minutes, rates in statistics["rates"].items():
        told = ", ".join(f"{rate:.1f} {kind}" for kind, rate in rates.items())
        click.echo(f"a minute, over the last {minutes}: {told or 'nothing'}")
    rows = [
        [
            task,
            *(str(known["states"].get(state, 0)) for state in ("succeeded", "failed")),
            str(sum(known["states"].values())),
            *(
                None if known["durations"] is None else clock(known["durations"][name])
                for name in ("median", "p95")
            ),
        ]
        for task, known in statistics["tasks"].items()
    ]
    if rows:
        print_table(["task", "succeeded", "failed", "all", "median", "p95"], rows)


@click.group()
def queue() -> None:
    """Pause, resume or drain a node, or change its limits; for operators."""


@queue.command()
@json_option
@connects
def pause(connection: Connection, as_json: bool) -> None:
    """
    Start no more jobs until `resume`.

    Jobs are still taken, and those that run go on. A restart of the node changes nothing.
    """
    _report(_ask(connection, lambda client: client.pause()), as_json=as_json)


@queue.command()
@json_option
@connects
def resume(connection: Connection, as_json: bool) -> None:
    """Take jobs and start them again, after `pause` or `drain`."""
    _report(_ask(connection, lambda client: client.resume()), as_json=as_json)


@queue.command()
@click.option(
    "--limit", type=float, help="Seconds that running jobs have, by default as the node is set."
)
@json_option
@connects
def drain(connection: Connection, limit: float | None, as_json: bool) -> None:
    """
    Take and start no more jobs, and wait until none runs.

    What still runs when the limit is over is cancelled. Jobs that wait go on waiting.
    Ctrl-C leaves; the node drains on. `resume`, or a restart, ends it.
    """

    async def wait(client: Client) -> dict[str, Any]:
        situation = await client.drain(limit)
        if not as_json:
            _tell(situation)
        while situation["running"] and situation["intake"] == Intake.DRAINING:
            await asyncio.sleep(LOOK)
            situation = await client.statistics()
        return {name: situation[name] for name in ("intake", "running", "queued", "delayed")}

    _report(_ask(connection, wait), as_json=as_json)


@queue.command()
@click.option("--slots", type=click.IntRange(1), help="Slots of the node.")
@click.option(
    "--group",
    "groups",
    type=(str, click.IntRange(1)),
    multiple=True,
    metavar="NAME SLOTS",
    help="Slots of a group of tasks; can be given several times.",
)
@click.option(
    "--per-user", type=click.IntRange(0), help="Slots that one user may have; 0 for all of them."
)
@json_option
@connects
def limit(
    connection: Connection,
    slots: int | None,
    groups: tuple[tuple[str, int], ...],
    per_user: int | None,
    as_json: bool,
) -> None:
    """
    Show how many jobs run at once, or change it until the node starts again.

    Lower limits stop nothing that runs. What is to last belongs into taskrealm.toml.
    """
    limits = _ask(
        connection,
        lambda client: client.limits(
            slots=slots, groups=dict(groups) or None, slots_per_user=per_user
        ),
    )
    if as_json:
        print_json(limits)
        return
    click.echo(f"slots:    {limits['used']} of {limits['slots']} in use")
    click.echo(f"per user: {limits['slots_per_user'] or 'all'}")
    for name, size in limits["groups"].items():
        click.echo(f"group {name}: {size}")


def _ask(
    connection: Connection, question: Callable[[Client], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with connection.joined() as client:
            return await question(client)

    return asyncio.run(ask())


def _report(situation: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(situation)
        return
    _tell(situation)
    say(f"{situation['running']} jobs run, {situation['queued']} wait")


def _tell(situation: dict[str, Any]) -> None:
    say(SENTENCES[Intake(situation["intake"])])


def _limits(statistics: dict[str, Any]) -> str:
    return (
        f" of at most {statistics['queue_limit']},"
        f" and {statistics['queue_limit_per_user']} of one user"
    )
