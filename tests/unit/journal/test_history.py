"""Jobs of the past are found by every filter, quickly, and each once, while others arrive."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.journal import Filter, Journal, Mention, OutputStore, history, retention
from taskrealm.journal.mentions import BLOCK, SPAN
from taskrealm.journal.rows import request_of
from taskrealm.protocol.jobs import EventType, Job, State, new_job_id
from taskrealm.protocol.scope import Scope

from .lives import Entry, ended, job, open_journal, queued, started, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("_filing")

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(hours: float, **changes: Any) -> Job:
    """A job that was submitted *hours* after the start."""
    moment = START + timedelta(hours=hours)
    identity = f"{int(moment.timestamp() * 1_000):012x}{new_job_id()[12:]}"
    return replace(job(), job_id=identity, submitted_at=moment, **{"tags": (), **changes})


async def fill(journal: Journal) -> dict[str, Job]:
    """Six jobs, named a to f in order of submission, an hour apart."""
    jobs = {
        "a": at(0, task="video.cut", tags=("x",)),
        "b": at(1, task="video.join", tags=("x", "y")),
        "c": at(2, task="audio.mix", owner="bob", tags=("x",)),
        "d": at(3, task="video.cut", tags=("y",)),
        "e": at(4, task="audio.mix"),
        "f": at(5, task="video?", parent="b"),
    }
    for each in jobs.values():
        await write(journal, queued(each))
    await write(journal, ended(jobs["a"], State.FAILED))
    await write(journal, ended(jobs["c"], State.FAILED))
    await write(journal, started(jobs["d"]))
    return jobs


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param({}, "f e d c b a", id="all"),
        pytest.param({"children": False}, "e d c b a", id="no children"),
        pytest.param({"owner": "ann"}, "f e d b a", id="of one user"),
        pytest.param({"states": [State.FAILED, State.RUNNING]}, "d c a", id="in one of two states"),
        pytest.param({"states": []}, "", id="in no state"),
        pytest.param({"tasks": ["audio.mix"]}, "e c", id="of a task"),
        pytest.param({"tasks": ["audio.mix", "video.join"]}, "e c b", id="of two tasks"),
        pytest.param({"tasks": ["video.*"]}, "d b a", id="of tasks that begin alike"),
        pytest.param({"tasks": ["*.cut", "audio.mix"]}, "e d c a", id="pattern and name"),
        pytest.param({"tasks": ["video?"]}, "f", id="only a star is a pattern"),
        pytest.param({"tasks": ["video?*"]}, "f", id="nor is a question mark beside one"),
        pytest.param({"tasks": ["nothing*"]}, "", id="of no task"),
        pytest.param({"tasks": []}, "", id="of none of no tasks"),
        pytest.param({"tag": "x"}, "c b a", id="with a tag"),
        pytest.param({"tag": "x", "owner": "ann"}, "b a", id="with a tag, of one user"),
        pytest.param({"tag": "x", "states": [State.FAILED]}, "c a", id="with a tag, in a state"),
        pytest.param({"tag": "y", "tasks": ["*.cut"]}, "d", id="with a tag, of tasks"),
        pytest.param({"tag": "x", "since": hour(1), "until": hour(2)}, "b", id="tag and time"),
        pytest.param({"tag": "unknown"}, "", id="with a tag that no job has"),
        pytest.param({"since": hour(3)}, "f e d", id="since then"),
        pytest.param({"until": hour(3)}, "c b a", id="before then"),
        pytest.param({"since": hour(1), "until": hour(3)}, "c b", id="in between"),
        pytest.param({"since": hour(3.0001)}, "f e", id="to the moment"),
        pytest.param({"since": hour(99)}, "", id="in the future"),
        pytest.param({"until": hour(-99)}, "", id="in the past"),
        pytest.param({"until": datetime(1, 1, 2, tzinfo=UTC)}, "", id="long before computers"),
        pytest.param({"since": datetime(9999, 1, 1, tzinfo=UTC)}, "", id="long after them"),
        pytest.param({"since": hour(2), "owner": "ann"}, "f e d", id="since then, of one user"),
        pytest.param({"parent": "b"}, "f", id="of a batch"),
        pytest.param({"parent": "b", "tag": "x"}, "", id="of a batch, with a tag"),
        pytest.param({"scope": Scope(tasks=("video.cut",))}, "d a", id="in a scope"),
        pytest.param(
            {"scope": Scope(tasks=("video.cut",)), "tasks": ["audio.*"]}, "", id="outside of it"
        ),
        pytest.param({"scope": Scope(tasks=("video.cut",)), "tag": "x"}, "a", id="scope and tag"),
    ],
)
async def test_jobs_are_found_by_what_they_are(
    journal: Journal, wanted: dict[str, Any], found: str
) -> None:
    jobs = await fill(journal)
    names = {each.job_id: name for name, each in jobs.items()}

    page = await journal.page(Filter(**wanted))

    assert " ".join(names[each.job_id] for each in page.jobs) == found
    assert page.before is None


async def test_jobs_are_counted_by_state_for_the_same_filters(journal: Journal) -> None:
    await fill(journal)

    async def counted(**wanted: Any) -> dict[str, int]:
        counts = await journal.counts_of(Filter(**wanted))
        return {state.value: count for state, count in counts.items()}

    assert await counted() == {"failed": 2, "queued": 3, "running": 1}
    assert await counted(owner="ann", children=False) == {"failed": 1, "queued": 2, "running": 1}
    assert await counted(tasks=["video.*"]) == {"failed": 1, "queued": 1, "running": 1}
    assert await counted(since=hour(3)) == {"queued": 2, "running": 1}
    assert await counted(parent="b") == {"queued": 1}
    assert await counted(since=hour(99)) == {}


async def test_what_a_program_adds_is_a_tag_like_any_other(journal: Journal) -> None:
    early, late = at(0, tags=("x",)), at(1)
    await write(journal, queued(early), queued(late))
    tagged = replace(early, state=State.RUNNING, attempt=1, tags=("x", "later"))
    await write(journal, Entry(tagged, EventType.UPDATED))
    await write(journal, ended(replace(late, tags=("at the end",))))

    for tag, found in (("x", early), ("later", early), ("at the end", late)):
        page = await journal.page(Filter(tag=tag))
        assert [each.job_id for each in page.jobs] == [found.job_id]


async def test_forgotten_jobs_leave_no_tags(journal: Journal, tmp_path: Path) -> None:
    over = at(0, tags=("x",))
    await write(journal, queued(over))
    await write(journal, ended(replace(over, tags=("x", "y"))))
    waiting = at(1, tags=("x",))
    await write(journal, queued(waiting))
    await journal.change(lambda it: retention.forget(it, retention.EVER, 10))

    rows = await journal.rows(lambda row: row[0], "select tag from tags")

    assert rows == ["x"]
    assert [each.job_id for each in (await journal.page(Filter(tag="x"))).jobs] == [waiting.job_id]


@pytest.mark.capability("N22")
@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        pytest.param({}, lambda number, each: True, id="all"),
        pytest.param(
            {"tasks": ("a.*",), "since": hour(1)},
            lambda number, each: number >= 10 and each.task != "d",
            id="tasks and time",
        ),
        pytest.param(
            {"tag": "x", "states": (State.FAILED,)},
            lambda number, each: number % 3 == 0 and each.tags,
            id="tag and state",
        ),
    ],
)
async def test_pages_have_no_holes_and_no_repeats_while_jobs_arrive(
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, Any],
    fits: Callable[[int, Job], bool],
) -> None:
    monkeypatch.setattr(history, "TAGGED_AT_ONCE", 7)
    chance = random.Random(6)
    jobs = [
        at(number / 10, task=chance.choice(("a.b", "a.c", "d")), tags=chance.choice(((), ("x",))))
        for number in range(60)
    ]
    await write(journal, *(queued(each) for each in jobs))
    for each in jobs[::3]:
        await write(journal, ended(each, State.FAILED))

    found: list[str] = []
    before = None
    while True:
        page = await journal.page(Filter(**wanted), before=before, limit=4)
        found += [each.job_id for each in page.jobs]
        newcomer = at(99, task="a.b", tags=("x",))
        await write(journal, queued(newcomer))
        await write(journal, ended(newcomer, State.FAILED))
        before = page.before
        if before is None:
            break

    chosen = [each.job_id for number, each in enumerate(jobs) if fits(number, each)]
    assert found == chosen[::-1]


async def test_no_filter_reads_a_whole_table(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await fill(journal)
    asked: list[str] = []
    journal._database.reader.set_trace_callback(asked.append)
    for owner in (None, "ann"):
        for more in ({}, {"since": hour(1), "until": hour(3)}, {"tag": "x"}):
            wanted: dict[str, Any] = {"owner": owner, **more}
            await journal.page(Filter(**wanted))
            await journal.page(Filter(**wanted, tasks=("video.*",), states=(State.FAILED,)))
            await journal.counts_of(Filter(**wanted, tasks=("video.cut",)))
    await journal.close()

    database = sqlite3.connect(tmp_path / "journal.sqlite")
    plans = {
        line
        for question in asked
        for *_, line in database.execute(f"explain query plan {question}")
    }
    database.close()
    scans = {line for line in plans if line.startswith(("SCAN jobs", "SCAN tags"))}
    assert scans == {"SCAN jobs USING COVERING INDEX jobs_unfiled"}


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        pytest.param("FILM.mov", True, id="an argument, in another case"),
        pytest.param("quality", True, id="the name of an argument"),
        pytest.param("ÜBER", True, id="letters with marks"),
        pytest.param("disk is full", True, id="why it failed"),
        pytest.param("nightly", True, id="a tag"),
        pytest.param("0.75", True, id="a number of its data"),
        pytest.param('say "hi"', True, id="what JSON would escape"),
        pytest.param("sealed-secret", False, id="a sealed secret"),
        pytest.param("fingerprint", False, id="what nobody is shown"),
        pytest.param("film.mp4", False, id="what is not there"),
    ],
)
def test_a_text_is_looked_for_in_what_people_are_shown(text: str, is_there: bool) -> None:
    known = replace(
        job(),
        arguments={"source": "film.mov", "quality": 5, "said": 'say "hi"', "more": ["über"]},
        data={"score": 0.75},
        outcome={"error": "The disk is full"},
        sealed="sealed-secret",
        fingerprint="fingerprint",
    )
    assert "sealed-secret" not in request_of(known)

    assert Mention(text).is_in_job(known) is is_there


@pytest.fixture
def output(tmp_path: Path) -> Iterator[OutputStore]:
    store = OutputStore(tmp_path, limit=8 * SPAN)
    yield store
    store.close_all()


@pytest.mark.parametrize("place", [0, BLOCK - 2, SPAN - 13, 4 * SPAN - 20])
def test_a_text_is_found_wherever_blocks_are_cut(output: OutputStore, place: int) -> None:
    text = "Überraschung".encode()
    output.append("0" * 32, "stdout", b"x" * place + text + b"y" * (4 * SPAN - place - len(text)))

    stream = output.stored("0" * 32, "stdout")

    assert Mention("überRASCHUNG").is_in_stream(stream)
    assert not Mention("surprise").is_in_stream(stream)
    assert not Mention("überRASCHUNG").is_in_stream(output.stored("0" * 32, "stderr"))


def test_the_middle_of_a_long_output_is_left_out(output: OutputStore) -> None:
    output.append("0" * 32, "stdout", b"x" * 2 * SPAN + b"here" + b"x" * 2 * SPAN)

    assert not Mention("here").is_in_stream(output.stored("0" * 32, "stdout"))


def test_both_sides_of_a_gap_are_looked_at(tmp_path: Path) -> None:
    store = OutputStore(tmp_path, limit=1_600)
    store.append("0" * 32, "stdout", b"begin" + b"x" * 10_000 + b"end")
    stream = store.stored("0" * 32, "stdout")

    assert Mention("begin").is_in_stream(stream)
    assert Mention("end").is_in_stream(stream)
    store.close_all()
