"""Puts a node under load, and holds it to what it promises."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from ..client import Disconnected, StreamReset
from ..protocol.errors import Error
from ..protocol.jobs import EventType
from . import exits
from .connection import Connection, connects
from .exits import Stopped
from .hearing import Hearing
from .jobs import json_option
from .terminal import console, print_json, print_table
from .words import JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..client import Client, Job

TAG: Final = "load"
"""By which the jobs are found later."""

PERCENTILES: Final = (50, 95, 99, 100)
STAGES: Final = {
    "accepted": "exec → job id",
    "started": "exec → started",
    "ended": "exec → the end",
}
"""What is timed of each job, where it was submitted."""

LOOK: Final = 0.25  # seconds between two looks at how far it is
GOODBYE: Final = 10.0  # seconds in which unfinished jobs are cancelled


@click.command()
@click.argument("task", default="demo.count")
@click.option(
    "--arguments", type=JsonObject(), help="Its arguments as JSON, or @FILE, or - for stdin."
)
@click.option(
    "--jobs", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="How many are submitted in a second.",
)
@click.option(
    "--clients",
    type=click.IntRange(1, 1_000),
    default=4,
    show_default=True,
    help="How many connections submit in turn; each hears the events of all.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds without any event after which the rest is given up.",
)
@json_option
@connects
def load(
    connection: Connection,
    task: str,
    arguments: Mapping[str, Any] | None,
    jobs: int,
    rate: float,
    clients: int,
    patience: float,
    as_json: bool,
) -> None:
    """
    Put a node under load, and check that no event is lost.

    Jobs of TASK, demo.count unless given, are submitted at a steady rate, whether the node keeps
    up or not. Every client hears the events of all jobs, as every browser of a user does, and
    is held to them: each job from its first event to its last, in order, none twice.

    Times are in milliseconds, measured where the job was submitted. The exit code is 1 if
    an event is missing, or a job was refused or did not succeed. Ctrl-C cancels what has not
    ended. All jobs have the tag `load`.
    """
    if arguments is None:
        arguments = {"to": 3, "interval": 0} if task == "demo.count" else {}
    run = Run(task, arguments, jobs, rate)
    asyncio.run(_run(connection, run, clients, patience))
    figures = run.figures()
    if as_json:
        print_json(figures)
    else:
        _tell(figures)
    if not run.is_clean:
        raise Stopped("The node has not kept what it promises, or could not keep up", exits.FAILURE)


@dataclass
class Run:
    """What is submitted, and what became of it."""

    task: str
    arguments: Mapping[str, Any]
    wanted: int
    rate: float
    hearings: list[Hearing] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    seconds: float = 0.0
    """How long it took, from the first submission to the last end."""
    times: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})

    @property
    def accepted(self) -> list[str]:
        """The ids of the jobs."""
        return [job.job_id for job in self.jobs]

    @property
    def is_over(self) -> bool:
        """Whether all have been submitted, and every client has heard of every end."""
        done = len(self.jobs) + self.refusals.total() == self.wanted
        return done and all(each.ends.keys() >= set(self.accepted) for each in self.hearings)

    @property
    def is_clean(self) -> bool:
        """Whether all went as it should."""
        figures = self.figures()
        events = figures["events"]
        is_complete = not (events["missed"] or events["repeated"] or events["incomplete"])
        return is_complete and figures["ends"] == {EventType.SUCCEEDED.value: self.wanted}

    def figures(self) -> dict[str, Any]:
        """All of it as one JSON value; times are in milliseconds."""
        accepted = self.accepted
        first = self.hearings[0].ends if self.hearings else {}
        return {
            "task": self.task,
            "wanted": self.wanted,
            "accepted": len(accepted),
            "refused": dict(self.refusals),
            "ends": dict(Counter(first[job_id] for job_id in accepted if job_id in first)),
            "seconds": round(self.seconds, 3),
            "clients": len(self.hearings),
            "events": {
                "heard": sum(each.events for each in self.hearings),
                "missed": sum(each.missed for each in self.hearings),
                "repeated": sum(each.repeated for each in self.hearings),
                "incomplete": sum(len(list(each.incomplete(accepted))) for each in self.hearings),
            },
            "times": {stage: _percentiles(times) for stage, times in self.times.items()},
        }


class Submitter:
    """One client: it submits its share, and hears everything."""

    def __init__(self, client: Client, run: Run) -> None:
        self._client = client
        self._run = run
        self._events = client.events()
        self._since: dict[str, float] = {}
        self._early: dict[str, list[tuple[str, float]]] = {}
        self.hearing = Hearing()
        self.heard_at = time.monotonic()

    async def ready(self) -> None:
        """Return once no event will be missed."""
        await self._events.begun()

    async def submit(self) -> None:
        """Ask for one more job."""
        run, since = self._run, time.monotonic()
        run.asked += 1
        try:
            job = await self._client.exec(run.task, run.arguments, tags=[TAG])
        except Error as error:
            run.refusals[error.uri.rpartition(".")[2]] += 1
            return
        except Disconnected:
            run.refusals["disconnected"] += 1
            return
        run.times["accepted"].append(time.monotonic() - since)
        self._since[job.job_id] = since
        for stage, moment in self._early.pop(job.job_id, ()):
            run.times[stage].append(moment - since)
        run.jobs.append(job)

    async def listen(self) -> None:
        """Hear events, until nobody wants to any more."""
        while True:
            try:
                event = await anext(self._events)
            except StreamReset:
                self.hearing.missed += 1
                continue
            self.heard_at = time.monotonic()
            self.hearing.take(event)
            self._time(event.job_id, event.type, self.heard_at)

    def _time(self, job_id: str, kind: EventType, moment: float) -> None:
        stage = "ended" if kind.is_terminal else kind.value
        if stage not in ("started", "ended"):
            return
        since = self._since.get(job_id)
        if since is None:
            # It may be ours: its events can be here before its id is.
            self._early.setdefault(job_id, []).append((stage, moment))
        else:
            self._run.times[stage].append(moment - since)


async def _run(connection: Connection, run: Run, clients: int, patience: float) -> None:
    async with AsyncExitStack() as stack:
        joined = [await stack.enter_async_context(connection.joined()) for _ in range(clients)]
        await joined[0].check(run.task, run.arguments)  # says at once what is wrong with them
        submitters = [Submitter(each, run) for each in joined]
        run.hearings = [each.hearing for each in submitters]
        await asyncio.gather(*(each.ready() for each in submitters))
        listening = [asyncio.create_task(each.listen()) for each in submitters]
        try:
            await _submit_all(submitters, run, patience, listening)
        finally:
            for each in listening:
                each.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await _cancel_rest(run)


async def _submit_all(
    submitters: Sequence[Submitter],
    run: Run,
    patience: float,
    listening: Sequence[asyncio.Task[None]],
) -> None:
    """Submit at the rate of *run*, and return when everything was heard, or nothing more comes."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as group, _Shown(run, began):
        watching = group.create_task(_heard_all(submitters, run, patience, listening))
        for index in range(run.wanted):
            await asyncio.sleep(began + index / run.rate - time.monotonic())
            group.create_task(submitters[index % len(submitters)].submit())
        await watching
    run.seconds = time.monotonic() - began


async def _heard_all(
    submitters: Sequence[Submitter],
    run: Run,
    patience: float,
    listening: Sequence[asyncio.Task[None]],
) -> None:
    while not run.is_over:
        await asyncio.sleep(LOOK)
        for each in listening:
            if each.done():
                each.result()  # it ends by an error only
        silent = time.monotonic() - max(each.heard_at for each in submitters)
        if run.asked == run.wanted and silent > patience:
            return


async def _cancel_rest(run: Run) -> None:
    """Leave no jobs behind that nobody waits for."""
    ended = set().union(*(each.ends for each in run.hearings))
    rest = [job.cancel("The load was ended") for job in run.jobs if job.job_id not in ended]
    try:
        async with asyncio.timeout(GOODBYE):
            await asyncio.gather(*rest, return_exceptions=True)
    except TimeoutError:
        return


class _Shown:
    """Shows how far a run is, while it lasts; on a terminal only."""

    def __init__(self, run: Run, began: float) -> None:
        self._run = run
        self._began = began
        self._status = console(stderr=True).status("Joining …")

    async def __aenter__(self) -> None:
        self._status.start()
        self._showing = asyncio.create_task(self._show())

    async def __aexit__(self, *_: object) -> None:
        self._showing.cancel()
        await asyncio.wait({self._showing})
        self._status.stop()

    async def _show(self) -> None:
        while True:
            run = self._run
            seconds = time.monotonic() - self._began
            ended = len(run.hearings[0].ends.keys() & set(run.accepted))
            self._status.update(
                f"{run.asked} of {run.wanted} submitted, {run.refusals.total()} refused,"
                f" {ended} ended ({ended / max(seconds, LOOK):.1f} a second),"
                f" {sum(each.events for each in run.hearings)} events heard,"
                f" {sum(each.missed for each in run.hearings)} missed"
            )
            await asyncio.sleep(LOOK)


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """The least time within which so many percent are done, in milliseconds."""
    in_order = sorted(seconds)
    return {
        f"p{percent}": round(1_000 * in_order[-(-len(in_order) * percent // 100) - 1], 1)
        for percent in PERCENTILES
        if in_order
    }


def _tell(figures: Mapping[str, Any]) -> None:
    ends = ", ".join(f"{count} {end}" for end, count in figures["ends"].items())
    refused = ", ".join(f"{count} {code}" for code, count in figures["refused"].items())
    ended = sum(figures["ends"].values())
    events = figures["events"]
    lines = {
        "jobs": f"{figures['accepted']} accepted: {ends or 'none has ended'}",
        "refused": refused or "none",
        "rate": f"{ended / figures['seconds']:.1f} ended a second, for {figures['seconds']:.1f} s",
        "events": f"{events['heard']} heard by {figures['clients']} clients:"
        f" {events['missed']} missed, {events['repeated']} repeated,"
        f" {events['incomplete']} jobs incomplete",
    }
    for name, text in lines.items():
        click.echo(f"{name + ':':<9}{text}")
    click.echo()
    names = [f"p{percent}" for percent in PERCENTILES]
    rows = [
        (STAGES[stage], *(f"{times[name]:.1f}" if times else "" for name in names))
        for stage, times in figures["times"].items()
    ]
    print_table(["ms", *names[:-1], "most"], rows)
