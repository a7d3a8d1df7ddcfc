"""Jobs that wait for their time, requests that are repeated, and places in the queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import RESULT
from tests.site import client, session
from tests.site.jobs import events_of, occupy_slots, until

from taskrealm.client import Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import DuplicateJob, InvalidArguments
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node


LIMIT = 30.0  # seconds that anything may take


@pytest.mark.capability("N16", "U15")
async def test_a_delayed_job_is_queued_when_its_time_has_come(site: Node) -> None:
    async with client(site, "dora") as dora:
        moment = datetime.now(UTC) + timedelta(seconds=4)  # time to ask on a busy machine
        by_delay = await dora.exec("date", delay=0.5)
        by_moment = await dora.exec("date", not_before=moment)
        at_once = await dora.exec("date", not_before=moment - timedelta(days=1))
        snapshot = await by_moment.snapshot()
        histories = [await events_of(job) for job in (by_delay, by_moment, at_once)]

        assert snapshot["state"] == "delayed"
        assert snapshot["position"] is None
        assert datetime.fromisoformat(snapshot["not_before"]) == moment
        for history in histories[:2]:
            kinds = [event.type for event in history]
            assert kinds == ["delayed", "queued", "started", "succeeded"]
        assert histories[1][1].at >= moment
        assert [event.type for event in histories[2]] == ["queued", "started", "succeeded"]


@pytest.mark.capability("N16", "C1")
async def test_a_delayed_job_is_listed_as_such_and_can_be_cancelled(site: Node) -> None:
    async with client(site, "dora") as dora:
        job = await dora.exec("date", delay=3_600)

        assert [each["job_id"] async for each in dora.jobs(state="delayed")] == [job.job_id]
        assert await job.cancel() == "removed_from_queue"
        assert [event.type for event in await events_of(job)] == ["delayed", "cancelled"]


@pytest.mark.capability("S5")
@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"delay": -1}, "delay", id="a negative delay"),
        pytest.param({"delay": 1e9}, "delay", id="a delay of decades"),
        pytest.param({"delay": float("inf")}, "delay", id="an endless delay"),
        pytest.param({"delay": "5"}, "delay", id="a delay in text"),
        pytest.param({"not_before": "2030-01-31T08:00:00"}, "not_before", id="no offset"),
        pytest.param({"not_before": "tomorrow"}, "not_before", id="no time"),
        pytest.param({"not_before": 1e30}, "not_before", id="no year has so many digits"),
        pytest.param({"not_before": True}, "not_before", id="a flag for a time"),
        pytest.param({"delay": 1, "not_before": 1}, "delay", id="both"),
        pytest.param({"key": ""}, "key", id="an empty key"),
        pytest.param({"key": "x" * 201}, "key", id="a long key"),
        pytest.param({"key": 7}, "key", id="a number for a key"),
        pytest.param({"retries": 1}, "retries", id="more retries than the task allows"),
        pytest.param({"retries": -1}, "retries", id="less than no retries"),
    ],
)
async def test_options_that_make_no_sense_are_refused_by_name(
    site: Node, options: dict[str, Any], field: str
) -> None:
    peer = await session(site, "evelyn")
    with pytest.raises(InvalidArguments) as refusal:
        await peer.call(uris.EXEC, "date", [], {}, **options)
    assert field in refusal.value.fields
    assert (await peer.call(uris.JOBS))["jobs"] == []
    await peer.leave()


@pytest.mark.capability("S8", "N1")
async def test_requests_with_the_same_key_at_the_same_time_make_one_job(site: Node) -> None:
    async with client(site, "kai") as kai, client(site, "kai") as again:
        jobs = await asyncio.gather(
            *(each.exec("probe.nothing", {"number": 5}, key="k") for each in (kai, again) * 20)
        )
        many = await kai.exec_many(
            [
                Request("probe.nothing", {"number": 5}, key="k"),
                Request("probe.nothing", {"number": 6}, key="l"),
                Request("probe.nothing", {"number": 6}, key="l"),
                Request("probe.nothing", {"number": 7}),
            ]
        )

        assert len({job.job_id for job in (*jobs, many[0])}) == 1
        assert many[1].job_id == many[2].job_id
        assert len([job async for job in kai.jobs()]) == 3
        for job in (jobs[-1], *many):
            assert [event.type for event in await events_of(job)] == [
                "queued",
                "started",
                "succeeded",
            ]


@pytest.mark.capability("S8")
async def test_a_key_belongs_to_its_owner_and_to_one_request(site: Node) -> None:
    async with client(site, "kay") as kay, client(site, "lea") as lea:
        job = await kay.exec("probe.nothing", {"number": 5}, key="k")
        for task, arguments in (("probe.nothing", {"number": 6}), ("date", {})):
            with pytest.raises(DuplicateJob) as refusal:
                await kay.exec(task, arguments, key="k")
            assert refusal.value.job_id == job.job_id
        with pytest.raises(InvalidArguments, match="stands for another job"):
            await kay.exec_many([Request("date", key="m"), Request("date", {"utc": True}, key="m")])

        assert (await lea.exec("date", key="k")).job_id != job.job_id
        assert len([each async for each in kay.jobs()]) == 1


@pytest.mark.capability("S8")
async def test_a_task_may_refuse_a_key_that_was_used_before(site: Node) -> None:
    async with client(site, "clock_sue") as sue:
        running = await sue.exec("timing.single", {"seconds": 600}, key="k")
        refusals = []
        with pytest.raises(DuplicateJob, match="takes no request twice") as refusal:
            await sue.exec("timing.single", {"seconds": 600}, key="k")
        refusals.append(refusal.value.job_id)
        await running.cancel(now=True)
        await events_of(running)
        with pytest.raises(DuplicateJob) as refusal:
            await sue.exec_many(
                [Request("date"), Request("timing.single", {"seconds": 600}, key="k")]
            )
        refusals.append(refusal.value.job_id)
        other = await sue.exec("timing.single", key="l")

        assert refusals == [running.job_id] * 2
        assert await other.result(LIMIT) is None
        assert len([each async for each in sue.jobs()]) == 2


@pytest.mark.capability("S8")
async def test_a_key_stands_for_its_job_also_after_that_has_ended(site: Node) -> None:
    async with client(site, "clock_tom") as tom:
        job = await tom.exec("steps.shell", {"script": "echo once"}, key="k")
        first = await job.result(LIMIT)
        again = await tom.exec("steps.shell", {"script": "echo once"}, key="k")

        assert again.job_id == job.job_id
        assert await again.result(LIMIT) == first == "once"


@pytest.mark.capability("S8", "S7")
@pytest.mark.fault("F44")
async def test_a_request_whose_caller_went_away_is_there_for_whoever_repeats_it(
    site: Node,
) -> None:
    arguments = {"number": 1}
    peer = await site.user("nia")
    async with peer:
        await peer.send([48, 1_000, {}, uris.EXEC, ["probe.nothing", [], arguments], {"key": "k"}])
    async with client(site, "nia") as nia:
        job = await nia.exec("probe.nothing", arguments, key="k")

        assert await job.result(LIMIT) is None
        assert [each["job_id"] async for each in nia.jobs()] == [job.job_id]


@pytest.mark.capability("U10")
async def test_owners_hear_how_their_jobs_move_up_while_somebody_watches(site: Node) -> None:
    async with client(site, "ole") as ole:
        blocking = await occupy_slots(ole)
        positions = aiter(ole.positions())
        listening = asyncio.ensure_future(anext(positions))
        await ole.tasks()  # whose answer comes after the subscription is known
        first, second, third = await ole.exec_many([Request("date")] * 3)
        async with asyncio.timeout(LIMIT):
            told = await listening
            await first.cancel()
            moved = await anext(positions)
        await positions.aclose()

        assert told == {first.job_id: 1, second.job_id: 2, third.job_id: 3}
        assert moved == {second.job_id: 1, third.job_id: 2}
        for job in (*blocking, second, third):
            await job.cancel(now=True)


@pytest.mark.capability("U10")
async def test_whoever_asks_for_a_job_learns_its_place(site: Node) -> None:
    peer = await site.user("pat")
    async with client(site, "pat") as pat, peer:
        blocking = await occupy_slots(pat)
        for place in (1, 2):
            await peer.send([48, place, {}, uris.EXEC, ["date"]])
            while (message := await peer.receive())[0] != RESULT:
                pass
            answer = message[3][0]
            assert answer["position"] == place
            assert answer["is_new"]
            snapshot = await pat.job(answer["job_id"]).snapshot()
            assert (snapshot["position"], snapshot["intake"]) == (place, "open")

        for job in (*blocking, *[pat.job(each["job_id"]) async for each in pat.jobs()]):
            await job.cancel(now=True)


@pytest.mark.capability("U10")
async def test_requests_on_their_way_together_learn_a_place_each(site: Node) -> None:
    peer = await site.user("clock_quin")
    async with client(site, "clock_quin") as quin, peer:
        blocking = await occupy_slots(quin)
        for number in range(1, 21):
            await peer.send([48, number, {}, uris.EXEC, ["date"]])
        answers = []
        while len(answers) < 20:
            if (message := await peer.receive())[0] == RESULT:
                answers.append(message[3][0])

        places = [each["position"] for each in answers]
        snapshots = [await quin.job(each["job_id"]).snapshot() for each in answers]
        assert sorted(places) == [*range(1, 21)]
        assert [each["position"] for each in snapshots] == places
        for job in (*blocking, *[quin.job(each["job_id"]) for each in answers]):
            await job.cancel(now=True)


@pytest.mark.capability("U10", "N16")
async def test_jobs_whose_time_comes_together_learn_a_place_each(site: Node) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    async with client(site, "clock_rita") as rita:
        blocking = await occupy_slots(rita)
        jobs = await rita.exec_many([Request("date", not_before=moment)] * 5)
        places = [(await until(job, EventType.QUEUED)).data["position"] for job in jobs]
        shown = [(await job.snapshot())["position"] for job in jobs]

        assert sorted(places) == [1, 2, 3, 4, 5]
        assert shown == places
        for job in (*blocking, *jobs):
            await job.cancel(now=True)
