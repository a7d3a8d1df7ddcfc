"""Many jobs are cancelled by one call: each for itself, and all that wait together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.site import SLOTS, client, session
from tests.site.jobs import LIMIT, end_of, occupy_slots, until

from taskrealm.client import Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, UnknownJob
from taskrealm.protocol.jobs import EventType, new_job_id

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.protocol.jobs import Event

MANY = 800
"""More than are removed by one write."""


@pytest.mark.capability("C4", "N22")
async def test_jobs_that_wait_are_removed_and_told_of_in_the_order_in_which_they_are_named(
    site: Node,
) -> None:
    heard: list[Event] = []
    async with client(site, "many_ann") as ann:
        naps = await occupy_slots(ann)
        jobs = await ann.exec_many([Request("probe.nap")] * MANY)
        named = [job.job_id for job in reversed(jobs)]

        async def listen() -> None:
            async for event in ann.events():
                if event.type is EventType.CANCELLED:
                    heard.append(event)
                if len(heard) == MANY:
                    return

        listening = asyncio.create_task(listen())
        outcomes = await ann.cancel_many([*named, named[0]], "enough")
        durable = {job["job_id"] async for job in ann.jobs(state="cancelled")}
        await asyncio.wait_for(listening, LIMIT)
        ends = [await end_of(job) for job in (jobs[0], jobs[-1])]
        again = await ann.cancel_many(jobs[:2])
        for nap in naps:
            await nap.cancel(now=True)

    assert outcomes == dict.fromkeys(named, "removed_from_queue")
    assert list(outcomes) == named
    assert durable == set(named)
    assert [event.job_id for event in heard] == named
    seqs = [event.seq for event in heard]
    assert seqs == list(range(seqs[0] or 0, (seqs[0] or 0) + MANY))
    assert all(end.data == ends[0].data for end in ends)
    assert (ends[0].data["by"], ends[0].data["reason"]) == ("many_ann", "enough")
    assert set(again.values()) == {"already_cancelled"}


@pytest.mark.capability("C4", "C5", "N22")
async def test_each_is_stopped_as_it_would_be_alone_in_whatever_state_it_is(site: Node) -> None:
    async with client(site, "many_bob") as bob, client(site, "many_eve") as eve:
        done = await bob.exec("probe.nothing")
        await done.result(LIMIT)
        naps = await occupy_slots(bob)
        queued, delayed = await bob.exec_many([Request("date"), Request("date", delay=600)])
        before = await bob.exec("date", delay=600)
        after = await bob.exec("date", after=[before])
        foreign = await eve.exec("date", delay=600)
        unknown = new_job_id()
        named = [*naps, queued, done, foreign, unknown, delayed, before, after]
        outcomes = await bob.cancel_many(named, now=True)
        told = list(outcomes.values())
        ends = [await end_of(each) for each in (*naps, queued, delayed, before, after)]
        left = await foreign.snapshot()
        await foreign.cancel()

    assert told[:SLOTS] == ["stopping"] * SLOTS
    assert told[SLOTS : SLOTS + 2] == ["removed_from_queue", "already_succeeded"]
    assert [type(each) for each in told[SLOTS + 2 : SLOTS + 4]] == [UnknownJob] * 2
    assert told[SLOTS + 4 :] == ["removed_from_queue"] * 3
    assert {end.type for end in ends} == {EventType.CANCELLED}
    assert {end.data["by"] for end in ends} == {"many_bob"}
    assert left["state"] == "delayed"


@pytest.mark.capability("C4", "N22")
async def test_no_job_that_waits_starts_in_the_slot_of_one_that_is_stopped_by_the_same_call(
    site: Node,
) -> None:
    async with client(site, "many_cid") as cid:
        naps = await occupy_slots(cid)
        waiting = await cid.exec_many([Request("probe.nap")] * 20)
        # Those that run are named first.
        outcomes = await cid.cancel_many([*naps, *waiting], now=True)
        seen = [[event.type async for event in job] for job in waiting]

    assert list(outcomes.values()) == ["stopping"] * SLOTS + ["removed_from_queue"] * 20
    assert seen == [["queued", "cancelled"]] * 20


@pytest.mark.capability("C4", "N22")
async def test_what_waits_for_cancelled_jobs_is_cancelled_too(site: Node) -> None:
    async with client(site, "many_dan") as dan:
        first = await dan.exec_many([Request("date", delay=600)] * 30)
        behind = [await dan.exec("date", after=[job]) for job in first[:5]]
        last = await dan.exec("date", after=[behind[0]])
        await dan.cancel_many(first)
        ends = [await end_of(job) for job in (*behind, last)]

    assert {end.type for end in ends} == {EventType.CANCELLED}
    assert {end.data["by"] for end in ends} == {"system"}
    assert all("did not succeed" in end.data["reason"] for end in ends)


@pytest.mark.capability("C5", "N22")
async def test_a_batch_is_cancelled_among_others_with_all_its_children(site: Node) -> None:
    async with client(site, "many_fay") as fay:
        batch = await fay.exec("batches.families", {"count": 40})
        await until(batch, EventType.PROGRESS)
        children = await batch.children()
        nap = await fay.exec("probe.nap", delay=600)
        outcomes = await fay.cancel_many([batch, nap], now=True)
        end = await end_of(batch)
        ends = [await end_of(child) for child in children]

    assert list(outcomes.values()) == ["stopping", "removed_from_queue"]
    assert end.type is EventType.CANCELLED
    assert len(ends) == 40
    assert {each.type for each in ends} == {EventType.CANCELLED}
    assert end.seq is not None
    assert all(each.seq is not None and each.seq < end.seq for each in ends)


@pytest.mark.capability("N22", "S6")
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        pytest.param(["x"], "job_ids", id="a text"),
        pytest.param([{"a": 1}], "job_ids", id="a mapping"),
        pytest.param([["0" * 32] * 10_001], "job_ids", id="too many"),
        pytest.param([["0" * 32, 5]], "job_ids.1", id="a number among them"),
        pytest.param([["0" * 32, "0" * 31]], "job_ids.1", id="something short among them"),
        pytest.param([["0" * 32 + "\n"]], "job_ids.0", id="an end of a line"),
        pytest.param([["A" * 32]], "job_ids.0", id="other digits"),
        pytest.param([[], 5], "reason", id="a number as reason"),
        pytest.param([[], "x" * 1_001], "reason", id="a long reason"),
        pytest.param([[], None, "please"], "now", id="a text for now"),
    ],
)
async def test_what_is_no_list_of_jobs_is_refused_by_the_name_of_the_field(
    site: Node, arguments: list[Any], field: str
) -> None:
    peer = await session(site, "many_gus")
    with pytest.raises(InvalidArguments) as refusal:
        await peer.call(uris.CANCEL_MANY, *arguments)
    nothing = await peer.call(uris.CANCEL_MANY, [])
    await peer.leave()

    assert list(refusal.value.fields) == [field]
    assert nothing == {"answers": {}, "refused": {}}


@pytest.mark.capability("N22")
async def test_as_many_as_one_call_takes_are_answered_also_if_all_are_refused(site: Node) -> None:
    peer = await session(site, "many_hal")
    with pytest.raises(InvalidArguments) as refusal:
        await peer.call(uris.CANCEL_MANY, ["0" * 32] * 10_000)
    [words] = refusal.value.fields.values()
    most = int(words.split()[-3])
    told = await peer.call(uris.CANCEL_MANY, [new_job_id() for _ in range(most)])
    await peer.leave()

    assert most >= 1_000
    assert len(told["refused"]) == most


@pytest.mark.capability("N22", "Z5")
async def test_a_task_that_refuses_keeps_its_own_jobs_only(site: Node) -> None:
    async with client(site, "many_ida") as ida:
        kept = await ida.exec("steps.guarded", delay=600)
        other = await ida.exec("date", delay=600)
        outcomes = await ida.cancel_many([kept, other])
        state = (await kept.snapshot())["state"]
    async with client(site, "many_root", "operator") as root:
        by_root = await root.cancel_many([kept.job_id], now=True)

    assert isinstance(outcomes[kept.job_id], NotAuthorized)
    assert outcomes[other.job_id] == "removed_from_queue"
    assert state == "delayed"
    assert by_root == {kept.job_id: "removed_from_queue"}
