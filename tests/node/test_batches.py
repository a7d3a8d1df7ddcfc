"""Batches: their children run, fail, nest, are gathered and are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import comes_true
from tests.site import client, is_running, programs_of, session
from tests.site.jobs import LIMIT, end_of, events_of, first_line, occupy_slots, until

from taskrealm.client import File, JobCancelled, JobFailed, JobTimedOut, Request
from taskrealm.executor.batches import NESTING_LIMIT
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, UnknownJob
from taskrealm.protocol.jobs import Event, EventType

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

    from taskrealm.client import Client, Job

WAITS = 'touch "{mine}"; while [ ! -e "{other}" ]; do sleep 0.02; done'


class Ear:
    """Hears all events of a user until a job has ended."""

    def __init__(self, user: Client) -> None:
        self._events = user.events()
        self.heard: list[Event] = []

    async def until_end_of(self, job: Job) -> list[Event]:
        async with asyncio.timeout(LIMIT):
            async for event in self._events:
                self.heard.append(event)
                if event.job_id == job.job_id and event.type.is_terminal:
                    return self.heard
        raise AssertionError("the stream of a user does not end")


def ends(events: list[Event]) -> list[str]:
    """The jobs in the order in which they ended."""
    return [event.job_id for event in events if event.type.is_terminal]


def holding(root: Path, text: str) -> list[Path]:
    """The files below *root* in which *text* stands."""
    found = []
    for path in root.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a job that ends takes its files along
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path)
    return found


@pytest.mark.capability("M1")
async def test_children_run_one_after_the_other_and_the_batch_ends_last(
    site: Node, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with client(site, "batch_ann") as ann:
        ear = Ear(ann)
        job = await ann.exec("batches.steps", {"log": str(log), "count": 3})
        result = await job.result(LIMIT)
        heard = await ear.until_end_of(job)
        children = await job.children()

    assert log.read_text().split() == "1 begins 1 ends 2 begins 2 ends 3 begins 3 ends".split()
    assert ends(heard) == [*(child.job_id for child in children), job.job_id]
    assert {event.parent for event in heard if event.job_id != job.job_id} == {job.job_id}
    assert [each["result"] for each in result["children"]] == ["1", "2", "3"]
    assert [each["job_id"] for each in result["children"]] == [each.job_id for each in children]
    assert (result["total"], result["counts"]) == (3, {"succeeded": 3})


@pytest.mark.capability("M2")
async def test_as_many_children_run_at_once_as_the_batch_says(site: Node, tmp_path: Path) -> None:
    one, two, done = tmp_path / "one", tmp_path / "two", tmp_path / "done"
    scripts = [
        # Each waits for the other, so that neither ends unless both run.
        WAITS.format(mine=one, other=two) + f"; touch {done}",
        WAITS.format(mine=two, other=one) + f"; touch {done}",
        f"test -e {done} && echo third",
    ]
    async with client(site, "batch_bea") as bea:
        job = await bea.exec("batches.scripts", {"scripts": scripts})
        result = await job.result(LIMIT)

    assert result["children"][2]["result"] == "third"


@pytest.mark.capability("M3")
async def test_children_are_found_out_in_a_coroutine_at_the_start(
    site: Node, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    file.write_text("red\ngreen\n")
    async with client(site, "batch_cleo") as cleo:
        job = await cleo.exec("batches.lines", {"file": str(file)})
        result = await job.result(LIMIT)
        [first, _] = await job.children()
        snapshot = await first.snapshot()

    assert [each["result"] for each in result["children"]] == ["red", "green"]
    assert (snapshot["parent"], snapshot["tags"]) == (job.job_id, ["line"])


@pytest.mark.capability("M3", "M7")
async def test_a_last_step_makes_one_result_of_those_of_the_children(site: Node) -> None:
    async with client(site, "batch_dora") as dora:
        job = await dora.exec("batches.counted", {"count": 5})
        result = await job.result(LIMIT)
        printed = "".join([chunk.text async for chunk in job.output("stdout")])

    assert result == 10
    assert printed == "5 children\ngathering\n"


@pytest.mark.capability("M4")
async def test_a_batch_without_children_succeeds_at_once(site: Node) -> None:
    async with client(site, "batch_eva") as eva:
        listed = await eva.exec("batches.scripts", {"scripts": []})
        gathered = await eva.exec("batches.counted", {"count": 0})

        assert await listed.result(LIMIT) == {"total": 0, "counts": {}, "children": []}
        assert await gathered.result(LIMIT) == 0


@pytest.mark.capability("M5", "M6")
async def test_a_failure_stops_the_others_and_the_batch_says_what_failed(
    site: Node, tmp_path: Path
) -> None:
    third = tmp_path / "third"
    begun = tmp_path / "begun"
    scripts = [
        f"while [ ! -e {begun} ]; do sleep 0.02; done; exit 3",
        f"touch {begun}; sleep 600",
        f"touch {third}",
    ]
    async with client(site, "batch_fay") as fay:
        ear = Ear(fay)
        job = await fay.exec("batches.scripts", {"scripts": scripts})
        with pytest.raises(JobFailed, match=r"Child 1 of 3 \(probe.shell\): .* exit code 3"):
            await job.result(LIMIT)
        heard = await ear.until_end_of(job)
        children = await job.children()
        last = [await end_of(child) for child in children]

    assert [each.type for each in last] == ["failed", "cancelled", "cancelled"]
    assert {each.data["by"] for each in last[1:]} == {"batch"}
    assert ends(heard)[-1] == job.job_id
    assert len(ends(heard)) == 4
    assert not third.exists()


@pytest.mark.capability("M5", "M6")
async def test_a_batch_that_goes_on_lists_what_failed_and_why(site: Node) -> None:
    async with client(site, "batch_gil") as gil:
        job = await gil.exec("batches.all_scripts", {"scripts": ["exit 4", "echo fine", "exit 5"]})
        result = await job.result(LIMIT)

    assert [each["state"] for each in result["children"]] == ["failed", "succeeded", "failed"]
    assert result["children"][0]["error"] == "The program ended with exit code 4"
    assert result["children"][1]["result"] == "fine"
    assert result["counts"] == {"failed": 2, "succeeded": 1}


@pytest.mark.capability("M7")
async def test_the_last_step_decides_whether_failures_matter(site: Node) -> None:
    async with client(site, "batch_hal") as hal:
        one = await hal.exec("batches.judged", {"scripts": ["exit 4", "true"]})
        two = await hal.exec("batches.judged", {"scripts": ["exit 4", "exit 5"]})

        assert await one.result(LIMIT) == {"failed": ["The program ended with exit code 4"]}
        with pytest.raises(JobFailed, match="2 of 2 failed: The program ended with exit code 4"):
            await two.result(LIMIT)


async def test_the_last_step_reads_results_that_are_too_big_for_an_event(site: Node) -> None:
    async with client(site, "batch_ida") as ida:
        job = await ida.exec("batches.weighty")

        assert await job.result(LIMIT) == 60_000


@pytest.mark.capability("M8", "M9")
async def test_batches_within_batches_end_from_the_leaves_up(site: Node, tmp_path: Path) -> None:
    async with client(site, "batch_jo") as jo:
        ear = Ear(jo)
        job = await jo.exec("batches.tree", {"log": str(tmp_path / "log"), "depth": 2})
        leaves = await job.result(LIMIT)
        heard = await ear.until_end_of(job)

    assert leaves == 8
    order = ends(heard)
    parents = {event.job_id: event.parent for event in heard}
    assert len(order) == len(set(order)) == 1 + 2 + 4 + 8
    assert all(order.index(each) < order.index(above) for each, above in parents.items() if above)


@pytest.mark.capability("C5")
@pytest.mark.parametrize("now", [False, True], ids=["politely", "now"])
async def test_a_cancel_reaches_all_that_children_have_started_before_the_batch_ends(
    site: Node, now: bool
) -> None:
    async with client(site, f"batch_kim_{now}") as kim:
        ear = Ear(kim)
        job = await kim.exec("batches.families", {"count": 3})
        await until(job, EventType.PROGRESS)
        first, second, waiting = await job.children()
        pids = [int(pid) for each in (first, second) for pid in (await first_line(each)).split()]
        answer = await job.cancel("enough", now=now)
        with pytest.raises(JobCancelled, match="enough"):
            await job.result(LIMIT)
        heard = await ear.until_end_of(job)
        last = [await end_of(each) for each in (first, second, waiting)]

    assert answer == "stopping"
    assert len(pids) == 8
    assert not [pid for pid in pids if is_running(pid)]
    assert [(each.type, each.data["by"], each.data["reason"]) for each in last] == [
        ("cancelled", f"batch_kim_{now}", "enough")
    ] * 3
    assert ends(heard)[-1] == job.job_id
    assert len(ends(heard)) == 4


@pytest.mark.capability("C5")
async def test_a_cancel_reaches_children_of_children(site: Node, tmp_path: Path) -> None:
    async with client(site, "batch_lea") as lea:
        blockers = await occupy_slots(lea)
        job = await lea.exec("batches.tree", {"log": str(tmp_path / "log"), "depth": 1})
        await blockers[0].cancel(now=True)  # one slot, for the batches to find their children
        await until(job, EventType.PROGRESS)
        below = await job.children()
        await until(below[0], EventType.PROGRESS)
        await job.cancel()
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)
        leaves = await below[0].children()
        states = {(await each.snapshot())["state"] for each in (*below, *leaves)}
        for each in blockers:
            await each.cancel(now=True)

    assert states <= {"cancelled", "succeeded"}
    assert "cancelled" in states


async def test_the_time_limit_of_a_batch_stops_its_children(site: Node) -> None:
    async with client(site, "batch_mia") as mia:
        job = await mia.exec("batches.hurried", {"count": 1})
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)
        [child] = await job.children()
        last = await end_of(child)

        assert (last.type, last.data["by"]) == (EventType.CANCELLED, "batch")
        assert "ran longer than 3 s" in last.data["reason"]
        assert programs_of(child.job_id) == []


async def test_a_batch_that_looks_for_its_children_is_stopped_like_any_program(site: Node) -> None:
    async with client(site, "batch_nat") as nat:
        job = await nat.exec("batches.broken", {"how": "sleeps"})
        pid = int(await first_line(job))
        assert is_running(pid)
        await job.cancel(now=True)
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)

        assert not is_running(pid)


async def test_who_cancels_one_child_stops_a_batch_that_stops_on_failure(site: Node) -> None:
    async with client(site, "batch_oda") as oda:
        job = await oda.exec("batches.families", {"count": 2})
        await until(job, EventType.PROGRESS)
        first, second = await job.children()
        await first_line(second)
        await first.cancel("not this one")
        with pytest.raises(
            JobFailed, match=r"Child 1 of 2 .* cancelled by batch_oda: not this one"
        ):
            await job.result(LIMIT)

        assert (await end_of(second)).data["by"] == "batch"


async def test_a_child_that_waits_for_its_turn_can_be_cancelled(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    scripts = [f"while [ ! -e {go} ]; do sleep 0.02; done; echo {n}" for n in range(3)]
    async with client(site, "batch_pam") as pam:
        job = await pam.exec("batches.all_scripts", {"scripts": scripts})
        await until(job, EventType.PROGRESS)
        *_, last = await job.children()
        state = (await last.snapshot())["state"]
        answer = await last.cancel()
        go.touch()
        result = await job.result(LIMIT)

    assert (state, answer) == ("delayed", "removed_from_queue")
    assert [each["state"] for each in result["children"]] == ["succeeded", "succeeded", "cancelled"]


@pytest.mark.capability("Z7")
async def test_a_child_that_its_caller_may_not_run_fails_the_batch_before_any_starts(
    site: Node, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    wanted = [["probe.shell", {"script": f"touch {mark}"}], ["probe.operators", {}]]
    async with client(site, "batch_qi") as qi, client(site, "batch_root", "operator") as root:
        refused = await qi.exec("batches.mixed", {"wanted": wanted})
        with pytest.raises(JobFailed, match=r"Child 2 \(probe.operators\) is refused: .*may run"):
            await refused.result(LIMIT)
        assert not mark.exists()
        assert await refused.children() == []
        lenient = await qi.exec("batches.lenient", {"wanted": wanted})
        result = await lenient.result(LIMIT)
        allowed = await root.exec("batches.mixed", {"wanted": wanted})
        await allowed.result(LIMIT)

    assert [each["state"] for each in result["children"]] == ["succeeded", "failed"]
    assert "that you may run" in result["children"][1]["error"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        pytest.param(
            ["batches.step", {"log": "/x", "number": "one"}],
            r"Child 1 \(batches.step\) is refused: number: .*integer",
            id="a value that does not fit",
        ),
        pytest.param(["probe.even", {"number": 3}], r"number: must be even", id="its validate"),
        pytest.param(["batches.fussy", {"number": 1}], r"number: must be even", id="a batch"),
        pytest.param(["no.such.task", {}], r"no task 'no.such.task'", id="no such task"),
    ],
)
async def test_a_refusal_names_the_child_and_the_field(
    site: Node, wanted: list[Any], reason: str
) -> None:
    async with client(site, "batch_ray") as ray:
        job = await ray.exec("batches.mixed", {"wanted": [wanted]})

        with pytest.raises(JobFailed, match=reason):
            await job.result(LIMIT)


@pytest.mark.parametrize(
    ("grows", "reason"),
    [(False, "contains itself"), (True, f"nested {NESTING_LIMIT} deep")],
    ids=["in a circle", "ever deeper"],
)
async def test_batches_that_contain_themselves_come_to_an_end(
    site: Node, grows: bool, reason: str
) -> None:
    async with client(site, "batch_sue") as sue:
        job = await sue.exec("batches.endless", {"grows": grows})

        with pytest.raises(JobFailed, match=reason):
            await job.result(LIMIT)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", "batches.broken: children failed"),
        ("refuses", "There is nothing in the folder"),
        ("nothing", "must give children one after the other, not nothing"),
        ("text", "child 1 is of type str, not a Child"),
        ("many", "more than 10000 children"),
    ],
)
async def test_a_batch_without_proper_children_fails_and_says_why(
    site: Node, how: str, reason: str
) -> None:
    async with client(site, "batch_tom") as tom:
        job = await tom.exec("batches.broken", {"how": how})

        with pytest.raises(JobFailed, match=reason):
            await job.result(LIMIT)


@pytest.mark.capability("U7")
async def test_the_progress_of_a_batch_is_that_of_its_children_together(
    site: Node, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    fractions: list[float] = []
    async with client(site, "batch_una") as una:
        job = await una.exec("batches.halves", {"mark": str(mark)})
        async with asyncio.timeout(LIMIT):
            async for event in job:
                if event.type is EventType.PROGRESS:
                    fractions.append(event.data["fraction"])
                    if event.data["fraction"] == 0.25:
                        assert event.data["message"] == "0 of 4"
                        mark.touch()
                    last = event

    assert 0.25 in fractions
    assert fractions == sorted(fractions)
    assert (last.data["fraction"], last.data["message"]) == (1.0, "4 of 4")


async def test_children_are_listed_with_their_batch_and_not_among_other_jobs(
    site: Node,
) -> None:
    stranger = await session(site, "batch_stranger")
    async with client(site, "batch_vic") as vic:
        job = await vic.exec("batches.all_scripts", {"scripts": ["true", "exit 1"]})
        await job.result(LIMIT)
        alone = [each["job_id"] async for each in vic.jobs()]
        everything = [each["parent"] async for each in vic.jobs(children=True)]
        children = [each["state"] async for each in vic.jobs(parent=job.job_id)]
        failed = [each["state"] async for each in vic.jobs(parent=job.job_id, state="failed")]
        with pytest.raises(UnknownJob):
            await stranger.call(uris.JOBS, parent=job.job_id)
    await stranger.leave()

    assert alone == [job.job_id]
    assert everything == [job.job_id, job.job_id, None]
    assert children == ["failed", "succeeded"]
    assert failed == ["failed"]


async def test_while_the_queue_is_paused_no_child_starts(site: Node, tmp_path: Path) -> None:
    go = tmp_path / "go"
    scripts = [f"while [ ! -e {go} ]; do sleep 0.02; done"] * 2 + ["echo third"]
    async with client(site, "batch_wim") as wim, client(site, "batch_boss", "operator") as boss:
        job = await wim.exec("batches.scripts", {"scripts": scripts})
        await until(job, EventType.PROGRESS)
        children = await job.children()
        for each in children[:2]:
            await until(each, EventType.STARTED)
        await boss.pause()
        try:
            go.touch()
            await until(children[2], EventType.QUEUED)
            for each in children[:2]:
                await end_of(each)
            paused = (await children[2].snapshot())["state"]
        finally:
            await boss.resume()
        await job.result(LIMIT)

    assert paused == "queued"


@pytest.mark.capability("M10")
async def test_a_job_starts_when_those_it_waits_for_have_succeeded(
    site: Node, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.02; done"
    async with client(site, "batch_xia") as xia:
        over = await xia.exec("probe.nothing")
        await over.result(LIMIT)
        runs = await xia.exec("probe.shell", {"script": script})
        job = await xia.exec("probe.printed", ["after"], after=[over, runs])
        await until(job, EventType.DELAYED)
        waiting = await job.snapshot()
        go.touch()
        assert await job.result(LIMIT) == "after"
        events = await events_of(job)
        first = (await events_of(runs))[-1]

    assert (waiting["state"], waiting["after"]) == ("delayed", [over.job_id, runs.job_id])
    assert waiting["waiting"]["code"] == "after"
    assert runs.job_id in waiting["waiting"]["text"]
    assert [each.type for each in events] == ["delayed", "queued", "started", "succeeded"]
    assert events[0].data["after"] == [over.job_id, runs.job_id]
    assert first.seq is not None
    assert events[1].seq is not None
    assert first.seq < events[1].seq


@pytest.mark.capability("M10")
async def test_a_job_is_cancelled_when_one_that_it_waits_for_does_not_succeed(site: Node) -> None:
    async with client(site, "batch_yan") as yan:
        first, second, third = await yan.exec_many(
            [
                Request("probe.shell", {"script": "exit 7"}),
                Request("probe.nothing", after=["#0"]),
                Request("probe.nothing", after=["#1"]),
            ]
        )
        with pytest.raises(JobCancelled, match=f"{first.job_id}.* exit code 7"):
            await second.result(LIMIT)
        with pytest.raises(JobCancelled, match=f"by system: job {second.job_id}"):
            await third.result(LIMIT)
        late = await yan.exec("probe.nothing", after=[first])
        with pytest.raises(JobCancelled, match=first.job_id):
            await late.result(LIMIT)


@pytest.mark.capability("M10")
async def test_what_a_job_waits_for_must_be_there_for_its_caller_to_see(site: Node) -> None:
    async with client(site, "batch_zoe") as zoe, client(site, "batch_zed") as zed:
        other = await zed.exec("probe.nothing")
        for after in (["0" * 32], [other.job_id], ["#0"]):
            with pytest.raises(InvalidArguments) as refused:
                await zoe.exec("probe.nothing", after=after)
            assert after[0] in refused.value.fields["after"]
        with pytest.raises(InvalidArguments, match=r"requests\.1\.after"):
            await zoe.exec_many([Request("probe.nothing"), Request("probe.nothing", after=["#1"])])


@pytest.mark.capability("M10")
async def test_a_job_that_waits_for_others_also_waits_for_its_time_and_can_be_cancelled(
    site: Node,
) -> None:
    async with client(site, "batch_abe") as abe:
        nap = await abe.exec("probe.nap")
        late = await abe.exec("probe.nothing", after=[nap], delay=0.01)
        gone = await abe.exec("probe.nothing", after=[nap])
        early = await abe.exec("probe.nothing", after=[], delay=0.01)
        await early.result(LIMIT)  # the time of the other has come as well

        assert (await late.snapshot())["state"] == "delayed"
        assert await gone.cancel() == "removed_from_queue"
        await nap.cancel(now=True)
        with pytest.raises(JobCancelled, match=nap.job_id):
            await late.result(LIMIT)


async def test_a_batch_may_wait_for_jobs_and_jobs_for_a_batch(site: Node, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with client(site, "batch_ben") as ben:
        first = await ben.exec("probe.shell", {"script": f"echo first >> {log}"})
        batch = await ben.exec("batches.steps", {"log": str(log), "count": 1}, after=[first])
        last = await ben.exec("probe.shell", {"script": f"echo last >> {log}"}, after=[batch])
        await last.result(LIMIT)

    assert log.read_text().split() == ["first", "1", "begins", "1", "ends", "last"]


async def test_events_of_children_go_only_to_the_session_that_hears_their_batch(
    site: Node,
) -> None:
    async with client(site, "batch_cem") as cem, client(site, "batch_cem") as other:
        ear = Ear(other)
        job = await cem.exec("batches.scripts", {"scripts": ["true"]}, deliver="session")
        await job.result(LIMIT)
        [child] = await job.children()
        delivery = (await child.snapshot())["deliver"]
        after = await other.exec("probe.nothing")
        heard = await ear.until_end_of(after)

    assert {each.job_id for each in heard} == {after.job_id}
    assert delivery == "session"


async def test_a_hundred_children_leave_nothing_behind(site: Node) -> None:
    async with client(site, "batch_dan") as dan:
        job = await dan.exec("batches.counted", {"count": 100})

        assert await job.result(LIMIT) == sum(range(100))
        await comes_true(lambda: programs_of(job.job_id) == [])


@pytest.mark.capability("M2", "A10")
async def test_children_get_the_secret_of_their_batch_and_nothing_on_disk_shows_it(
    site: Node, tmp_path: Path
) -> None:
    password, end = "correct-horse-of-all-children", tmp_path / "end"
    digest = hashlib.sha256(password.encode()).hexdigest()
    async with client(site, "batch_eda") as eda:
        job = await eda.exec("batches.doors", {"password": password, "end": str(end)})
        await until(job, EventType.PROGRESS)
        children = await job.children()
        printed = [await first_line(child) for child in children]
        while_running = await asyncio.to_thread(holding, site.folder.root, password)
        end.touch()
        result = await job.result(LIMIT)
        shown = [(await child.snapshot())["arguments"]["password"] for child in children]
        afterwards = await asyncio.to_thread(holding, site.folder.root, password)

    assert printed == [f"{digest} {digest}"] * 2
    assert result == shown == ["***"] * 2
    assert while_running == afterwards == []


@pytest.mark.capability("M2", "N10")
async def test_children_get_the_files_that_were_sent_to_their_batch(site: Node) -> None:
    files = {"source": File(b"one", "a.txt"), "more": [File(b"two", "b.txt")]}
    async with client(site, "batch_fay") as fay:
        job = await fay.exec("batches.readers", files)
        result = await job.result(LIMIT)
        printed = "".join([chunk.text async for chunk in job.output("stdout")])

    looks = [
        [(each["name"], each["sha256"], each["is_here"]) for each in child["result"]]
        for child in result["children"]
    ]
    one = ("a.txt", hashlib.sha256(b"one").hexdigest(), True)
    two = ("b.txt", hashlib.sha256(b"two").hexdigest(), True)
    assert printed == "one\n"
    assert looks == [[one, two], [one]]
