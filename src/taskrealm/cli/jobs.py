"""Jobs that are there already: follow, list, show, read, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from ..protocol.errors import Error, NotAuthorized
from ..protocol.jobs import State
from . import exits
from .asking import value_of
from .connection import Connection, connects
from .display import as_json as chunk_as_json
from .display import clock, display, write_output
from .exits import Stopped
from .following import follow_and_leave
from .moments import Moment
from .terminal import print_json, print_table, say, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..client import Job, OutputChunk

STREAMS: Final = ("stdout", "stderr")
RESULT: Final = "result"
HEADINGS: Final = ("task", "state", "submitted", "took", "progress")
CHILDREN: Final = 50  # of a batch that are shown with it, the newest
PATIENCE: Final = 5.0  # seconds to wait for output that is known to be there

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@connects
def watch(connection: Connection, job_id: str, as_json: bool) -> None:
    """
    Follow a job: its events and its output.

    It begins with the first event and the first byte. Ctrl-C leaves; the job goes on. The
    exit code is the one that `taskrealm run` would have had.
    """

    async def follow() -> int:
        async with connection.joined() as client:
            return await follow_and_leave(client.job(job_id), display(as_json=as_json))

    click.get_current_context().exit(asyncio.run(follow()))


@click.command()
@click.option(
    "--state", "states", type=click.Choice([state.value for state in State]), multiple=True
)
@click.option("--task", "tasks", multiple=True, help="Only jobs of this task; * is any text.")
@click.option("--tag", help="Only jobs with this tag.")
@click.option(
    "--since", type=Moment(), help="Submitted then or later, or at most so long ago: 2h, 30d."
)
@click.option("--until", type=Moment(), help="Submitted before this time.")
@click.option("--text", help="Only jobs that mention it in arguments, outcome or output.")
@click.option("--parent", help="Only children of this batch, which are left out otherwise.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--all", "everybody", is_flag=True, help="Of all users; for operators.")
@json_option
@connects
def ls(
    connection: Connection,
    states: Sequence[str],
    tasks: Sequence[str],
    tag: str | None,
    since: datetime | None,
    until: datetime | None,
    text: str | None,
    parent: str | None,
    limit: int,
    everybody: bool,
    as_json: bool,
) -> None:
    """
    List jobs, the newest first.

    Text is looked for whatever its case; of output, in the first and the last mebibyte that
    are kept of each stream.
    """
    chosen = {
        "state": states or None,
        "task": tasks or None,
        "tag": tag,
        "since": since,
        "until": until,
        "text": text,
        "parent": parent,
        "limit": limit,
    }
    found = asyncio.run(_jobs(connection, chosen, everybody=everybody))
    if as_json:
        for job in found:
            print_json(job)
        return
    if not found:
        say("There are no such jobs")
        return
    headings = ["job", *HEADINGS]
    rows = [[job["job_id"], *_row(job)] for job in found]
    if everybody:
        headings.append("owner")
        rows = [[*row, job["owner"]] for row, job in zip(rows, found, strict=True)]
    print_table(headings, rows)


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@connects
def show(connection: Connection, job_id: str, as_json: bool) -> None:
    """Show everything about one job."""
    job, children = asyncio.run(_shown(connection, job_id))
    if as_json:
        print_json(job)
        return
    attempts = job.pop("attempts", [])
    for name, value in job.items():
        if value is not None:
            value = value["text"] if name == "waiting" else value
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            click.echo(f"{name + ':':14} {visible(text)}")
    for each in attempts:
        name = f"attempt {each['attempt']}:"
        click.echo(f"{name:14} {visible(_attempt(each))}")
    if children:
        click.echo()
        print_table(["child", *HEADINGS], [[each["job_id"], *_row(each)] for each in children])
    if len(children) == CHILDREN:
        say(f"Older children: taskrealm ls --parent {visible(job_id)} --limit N")


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option(
    "--stream",
    type=click.Choice([*STREAMS, RESULT]),
    help="Only this one; by default what it printed. `result` is a result too big to be shown.",
)
@click.option("--search", "text", help="Only the lines in which this stands.")
@click.option("--match-case", is_flag=True, help="Upper and lower case differ for --search.")
@json_option
@connects
def logs(
    connection: Connection,
    job_id: str,
    follow: bool,
    stream: str | None,
    text: str | None,
    match_case: bool,
    as_json: bool,
) -> None:
    """
    Print the output of a job.

    What it wrote to standard error comes out on standard error. With --search the node looks
    for a text, and each line in which it stands comes with the byte where; the exit code is 1
    if there is none.
    """
    if text is not None:
        if follow or stream == RESULT:
            raise click.UsageError("--search looks through what was printed, once")
        found = asyncio.run(
            _search(connection, job_id, text, stream, match_case=match_case, as_json=as_json)
        )
        click.get_current_context().exit(0 if found else exits.FAILURE)
    if match_case:
        raise click.UsageError("--match-case goes with --search")

    def write(chunk: OutputChunk) -> None:
        if as_json:
            print_json(chunk_as_json(chunk))
        else:
            write_output(chunk)

    async def read() -> None:
        async with connection.joined() as client:
            job = client.job(job_id)
            snapshot = await job.snapshot()
            if follow or State(snapshot["state"]).is_terminal:
                async for chunk in job.output(stream):
                    write(chunk)
            else:
                for name in STREAMS if stream is None else (stream,):
                    await _read_so_far(job, name, snapshot["output"].get(name, 0), write)

    asyncio.run(read())


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--now", is_flag=True, help="Kill it, without time to end by itself.")
@click.option("--reason", help="What its owner reads.")
@json_option
@connects
def cancel(
    connection: Connection,
    job_ids: Sequence[str],
    now: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """
    Cancel jobs, waiting or running.

    For each is printed what became of it: removed_from_queue, stopping, or already_ and
    the state in which it had ended.
    """
    click.get_current_context().exit(
        asyncio.run(_cancel(connection, job_ids, reason, now=now, as_json=as_json))
    )


# So that a number may be below zero.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("job_id", metavar="ID")
@click.argument("question", metavar="QUESTION")
@click.argument("value", metavar="VALUE")
@connects
def answer(connection: Connection, job_id: str, question: str, value: str) -> None:
    """
    Answer a question that a running job asks.

    `taskrealm watch ID` tells what it asks and the id of the QUESTION. The VALUE is yes or no,
    a number, a text or one of the choices, whichever is asked for; anything else is JSON.
    """
    asyncio.run(_answer(connection, job_id, question, value))


async def _answer(connection: Connection, job_id: str, question: str, word: str) -> None:
    async with connection.joined() as client:
        job = client.job(job_id)
        asked = [
            each for each in (await job.snapshot())["questions"] if each["question"] == question
        ]
        # Of a question that is not asked just now the node says why.
        value: Any = word
        for each in asked:
            try:
                value = value_of(each["schema"], word)
            except click.BadParameter as error:
                raise Stopped(error.format_message(), exits.REFUSED_ARGUMENTS) from None
        await job.answer(question, value)


async def _shown(
    connection: Connection, job_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A job and, if it is a batch, its newest children in the order of the batch."""
    async with connection.joined() as client:
        snapshot = await client.job(job_id).snapshot()
        if snapshot["step"] is None:
            return snapshot, []
        children = [each async for each in client.jobs(parent=job_id, limit=CHILDREN)]
        return snapshot, children[::-1]


async def _jobs(
    connection: Connection, chosen: Mapping[str, Any], *, everybody: bool
) -> list[dict[str, Any]]:
    async with connection.joined() as client:
        if everybody and client.role == "user":
            raise NotAuthorized("Only operators and backends may see the jobs of all users")
        # Users see their own jobs anyway; the others would see everybody's.
        owner = None if everybody or client.role == "user" else client.authid
        return [job async for job in client.jobs(**chosen, owner=owner)]


def _row(job: Mapping[str, Any]) -> list[str | None]:
    submitted = datetime.fromisoformat(job["submitted_at"]).astimezone()
    fraction = (job["progress"] or {}).get("fraction")
    return [
        job["task"],
        job["state"],
        f"{submitted:%Y-%m-%d %H:%M:%S}",
        None if job.get("duration") is None else clock(job["duration"]),
        _waiting(job) if fraction is None else f"{fraction:.0%}",
    ]


def _attempt(attempt: Mapping[str, Any]) -> str:
    """When it was and how it ended, in a line."""
    began, ended = (
        None if attempt[name] is None else datetime.fromisoformat(attempt[name]).astimezone()
        for name in ("started_at", "ended_at")
    )
    if began is None or ended is None:
        return f"since {began:%Y-%m-%d %H:%M:%S}"
    reason = f": {attempt['reason']}" if attempt["reason"] else ""
    took = clock((ended - began).total_seconds())
    return f"{began:%Y-%m-%d %H:%M:%S}, {took}, {attempt['end']}{reason}"


def _waiting(job: Mapping[str, Any]) -> str | None:
    waiting: Mapping[str, str] | None = job.get("waiting")
    return None if waiting is None else waiting["text"]


async def _read_so_far(
    job: Job, stream: str, size: int, write: Callable[[OutputChunk], None]
) -> None:
    """Read *stream* of a running job up to byte *size*."""
    if size == 0:
        return
    # The last bytes may be half a character, whose other half may never come.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE) as limit:
            async for chunk in job.output(stream):
                write(chunk)
                if chunk.next >= size:
                    return
                limit.reschedule(asyncio.get_running_loop().time() + PATIENCE)


async def _search(
    connection: Connection,
    job_id: str,
    text: str,
    stream: str | None,
    *,
    match_case: bool,
    as_json: bool,
) -> int:
    """Print each line in which *text* stands; gives how many."""
    count = 0
    async with connection.joined() as client:
        async for match in client.job(job_id).search(text, stream, match_case=match_case):
            count += 1
            if as_json:
                print_json(asdict(match))
                continue
            place = click.style(f"{match.stream}:{match.offset}:", dim=True)
            line = visible(match.before), visible(match.text), visible(match.after)
            click.echo(f"{place} {line[0]}{click.style(line[1], bold=True)}{line[2]}")
    return count


async def _cancel(
    connection: Connection,
    job_ids: Sequence[str],
    reason: str | None,
    *,
    now: bool,
    as_json: bool,
) -> int:
    """Cancel each for itself, also behind one that is refused; the exit code of the last error."""
    code = 0
    async with connection.joined() as client:
        for job_id, answer in (await client.cancel_many(job_ids, reason, now=now)).items():
            if isinstance(answer, Error):
                say(answer.message)
                code = exits.of_error(answer)
            elif as_json:
                print_json({"job_id": job_id, "answer": answer})
            else:
                click.echo(f"{visible(job_id)} {answer}")
    return code
