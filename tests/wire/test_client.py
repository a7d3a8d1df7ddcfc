"""What a client promises, over a real router, with an executor that does what a test wants."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.client import (
    Client,
    Disconnected,
    Job,
    JobCancelled,
    JobExpired,
    JobFailed,
    JobLost,
    JobTimedOut,
    OutputChunk,
    Refused,
    Request,
    Status,
    StreamReset,
)
from taskrealm.protocol import errors, uris

from .realm import MESSAGE_SIZE
from .standin import StandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine

    from taskrealm.protocol.jobs import Event
    from taskrealm.wire import Session

    from .conftest import Enter
    from .line import Line
    from .realm import Realm

PATIENCE = 30.0  # seconds


async def soon(what: Awaitable[Any]) -> Any:
    """The result of *what*, which must not let us wait."""
    async with asyncio.timeout(PATIENCE):
        return await what


async def all_of(items: AsyncIterable[Any]) -> list[Any]:
    """Everything that comes until the end."""
    async with asyncio.timeout(PATIENCE):
        return [item async for item in items]


async def first(count: int, items: AsyncIterable[Any]) -> list[Any]:
    """The first *count* of *items*."""
    taken = []
    async with asyncio.timeout(PATIENCE):
        async for item in items:
            taken.append(item)
            if len(taken) == count:
                break
    return taken


def kinds(events: list[Event]) -> list[str]:
    return [event.type.value for event in events]


def client_at(url: str, who: str = "ana", **options: Any) -> Client:
    return Client(url, token=f"ticket-of-{who}", send_limit=MESSAGE_SIZE, **options)


async def until(status: Status, client: Client) -> None:
    """Return when *client* has reached *status*."""
    async with asyncio.timeout(PATIENCE):
        while client.status is not status:
            await client._connection.change()


@pytest.fixture
async def executor_session(enter: Enter) -> Session:
    return await enter("executor")


@pytest.fixture
async def executor(executor_session: Session) -> StandIn:
    executor = StandIn()
    await executor.serve(executor_session)
    return executor


@pytest.fixture
async def client(executor: StandIn, line: Line) -> AsyncIterator[Client]:
    async with client_at(line.ws) as client:
        yield client


@pytest.mark.capability("S1", "S2", "S10")
@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_a_job_gives_its_events_and_its_result(
    executor: StandIn, realm: Realm, transport: str
) -> None:
    async with client_at(realm.ws if transport == "ws" else realm.unix) as client:
        job = await client.exec("echo", {"text": "hello"})
        events = await all_of(job)

        assert kinds(events) == ["queued", "started", "succeeded"]
        assert [event.job_id for event in events] == [job.job_id] * 3
        assert await job.result() == [[], {"text": "hello"}]


@pytest.mark.capability("S10")
async def test_one_call_runs_a_task_and_gives_its_result(client: Client, executor: StandIn) -> None:
    assert await soon(client.run("echo", {"text": "hello"}, priority=3)) == [[], {"text": "hello"}]
    assert [job["priority"] for job in executor.jobs.values()] == [3]
    with pytest.raises(errors.UnknownTask):
        await soon(client.run("nothing"))
    with pytest.raises(TimeoutError):
        await client.run("wait", patience=0.05)


async def test_arguments_by_position_arrive_by_position(client: Client) -> None:
    job = await client.exec("echo", ["hello", 0, False, ""])

    assert await soon(job.result()) == [["hello", 0, False, ""], {}]


async def test_text_is_no_sequence_of_arguments(client: Client) -> None:
    with pytest.raises(TypeError, match="not str"):
        await client.exec("echo", "hello")


async def test_options_reach_the_executor(client: Client, executor: StandIn) -> None:
    job = await client.exec("echo", priority=5, timeout=1.5, tags=("a", "b"), deliver="session")

    accepted = executor.jobs[job.job_id]
    assert (accepted["priority"], accepted["timeout"], accepted["tags"]) == (5, 1.5, ["a", "b"])
    assert accepted["deliver"] == "session"


async def test_many_jobs_are_submitted_by_one_call(client: Client, executor: StandIn) -> None:
    jobs = await client.exec_many([Request("echo", [n]) for n in range(100)])
    results = await soon(asyncio.gather(*(job.result() for job in jobs)))

    assert [args for args, _ in results] == [[n] for n in range(100)]
    assert executor.calls.count(uris.EVENTS) == 1  # to find its place, and never again


@pytest.mark.capability("S4")
async def test_an_unknown_task_is_an_error_of_its_own(client: Client) -> None:
    with pytest.raises(errors.UnknownTask):
        await client.exec("nothing")


async def test_a_client_asks_what_may_be_run(client: Client) -> None:
    assert [task["name"] for task in await client.tasks()] == ["echo", "wait"]
    assert (await client.check("echo", priority=3))["argv"] == ["echo"]
    assert (await client.token("code"))["token"] == "token-for-code"


async def test_a_client_knows_who_it_is(client: Client) -> None:
    assert (client.authid, client.role, client.status) == ("ana", "user", Status.LIVE)


@pytest.mark.parametrize(
    ("kind", "data", "ending", "attributes"),
    [
        (
            "failed",
            {
                "error": "exit 3",
                "exit_code": 3,
                "signal": None,
                "stderr_tail": "oh",
                "duration": 1.0,
            },
            JobFailed,
            {"exit_code": 3, "signal": None, "stderr_tail": "oh", "duration": 1.0},
        ),
        ("cancelled", {"by": "olga", "reason": "no"}, JobCancelled, {"by": "olga", "reason": "no"}),
        ("timed_out", {"timeout": 2.0}, JobTimedOut, {"timeout": 2.0}),
        ("expired", {}, JobExpired, {}),
        ("lost", {"reason": "power cut"}, JobLost, {"reason": "power cut"}),
    ],
)
async def test_a_job_that_ends_without_a_result_raises_how(
    client: Client,
    executor: StandIn,
    kind: str,
    data: dict[str, Any],
    ending: type[Exception],
    attributes: dict[str, Any],
) -> None:
    job = await client.exec("wait")
    executor.happen(job.job_id, kind, **data)

    with pytest.raises(ending) as live:
        await soon(job.result())
    with pytest.raises(ending) as later:
        await soon(Client.job(client, job.job_id).result())
    for caught in (live, later):
        assert {name: getattr(caught.value, name) for name in attributes} == attributes


async def test_waiting_for_a_result_can_be_limited(client: Client) -> None:
    job = await client.exec("wait")

    with pytest.raises(TimeoutError):
        await job.result(timeout=0.05)


@pytest.mark.capability("C2")
async def test_a_job_can_be_cancelled(client: Client) -> None:
    job = await client.exec("wait")

    assert await job.cancel("wrong file", now=True) == "stopping"
    assert kinds(await all_of(job)) == ["queued", "started", "stopping", "cancelled"]
    with pytest.raises(JobCancelled, match="by ana: wrong file"):
        await job.result()
    assert await job.cancel() == "already_cancelled"


async def test_a_job_can_be_looked_at(client: Client) -> None:
    job = await client.exec("wait")

    assert (await job.snapshot())["state"] == "running"


@pytest.mark.capability("U14")
async def test_several_listeners_each_get_every_event(client: Client, executor: StandIn) -> None:
    job = await client.exec("wait")
    early = asyncio.ensure_future(all_of(job))
    executor.happen(job.job_id, "progress", fraction=0.5)
    await first(3, job)
    late = asyncio.ensure_future(all_of(job))
    executor.happen(job.job_id, "succeeded", result=1)

    expected = ["queued", "started", "progress", "succeeded"]
    assert [kinds(await early), kinds(await late), kinds(await all_of(job))] == [expected] * 3


async def test_a_job_with_a_long_history_is_read_again_from_the_journal(
    client: Client, executor: StandIn
) -> None:
    job = await client.exec("wait")
    executor.happen_many(job.job_id, "progress", 300)
    executor.happen_many(job.job_id, "message", 900)
    executor.happen(job.job_id, "succeeded", result=1)
    await soon(job.result())

    assert [event.job_seq for event in await all_of(job)] == list(range(1, 1_204))


async def test_an_ended_job_gives_its_whole_history(client: Client, realm: Realm) -> None:
    job = await client.exec("echo", [1])
    await soon(job.result())
    async with client_at(realm.unix) as other:
        attached = other.job(job.job_id)

        assert kinds(await all_of(attached)) == ["queued", "started", "succeeded"]
        assert await attached.result() == [[1], {}]


@pytest.mark.capability("D2", "D7")
async def test_a_new_device_follows_a_running_job_from_its_first_event(
    client: Client, executor: StandIn, realm: Realm
) -> None:
    job = await client.exec("wait")
    executor.happen_many(job.job_id, "progress", 20)
    async with client_at(realm.unix) as other:
        following = asyncio.ensure_future(all_of(other.job(job.job_id)))
        result = asyncio.ensure_future(other.job(job.job_id).result())
        await first(10, other.job(job.job_id))
        executor.happen(job.job_id, "succeeded", result=1)

        assert [event.job_seq for event in await following] == list(range(1, 24))
        assert await soon(result) == 1


async def test_an_unknown_job_is_an_error(client: Client) -> None:
    with pytest.raises(errors.UnknownJob):
        await client.job("0" * 32).result()
    with pytest.raises(errors.UnknownJob):
        await all_of(client.job("0" * 32))


async def test_an_operator_follows_the_job_of_another_user(
    client: Client, executor: StandIn, line: Line
) -> None:
    job = await client.exec("wait")
    async with client_at(line.ws, "olga") as operator:
        theirs = operator.job(job.job_id)
        following = asyncio.ensure_future(all_of(theirs))
        await first(2, theirs)
        executor.happen(job.job_id, "progress", fraction=0.5)
        await first(3, theirs)
        with line.dead():
            executor.happen(job.job_id, "progress", fraction=0.7)
        await first(4, theirs)
        executor.happen(job.job_id, "succeeded", result=1)

        assert kinds(await following) == ["queued", "started", *["progress"] * 2, "succeeded"]
        assert await theirs.result() == 1


async def test_of_a_user_who_is_followed_already_no_new_job_is_asked_for(
    executor: StandIn, realm: Realm
) -> None:
    async with client_at(realm.ws, "olga") as operator:
        first = await operator.exec("echo", on_behalf_of="ana")
        await soon(first.result())
        executor.calls.clear()
        second = await operator.exec("wait", on_behalf_of="ana")
        executor.happen(second.job_id, "succeeded", result="told")

        assert await soon(second.result()) == "told"
        assert executor.calls == [uris.EXEC]


async def test_the_subscription_to_another_user_ends_with_the_last_job_held(
    client: Client, executor: StandIn, realm: Realm, executor_session: Session
) -> None:
    deleted = asyncio.Event()
    job = await client.exec("wait")
    async with client_at(realm.unix, "olga") as operator:
        theirs = operator.job(job.job_id)
        await first(2, theirs)
        await executor_session.subscribe(
            "wamp.subscription.on_unsubscribe", lambda *_: deleted.set()
        )
        del theirs
        gc.collect()

        await soon(deleted.wait())


async def test_a_job_attached_to_before_the_stream_has_been_found_is_followed_to_its_end(
    client: Client, executor: StandIn, realm: Realm
) -> None:
    job = await client.exec("wait")
    executor.tells_streams.clear()
    async with client_at(realm.unix) as other:
        following = asyncio.ensure_future(all_of(other.job(job.job_id)))
        await first(2, other.job(job.job_id))
        executor.is_silent = True
        executor.happen(job.job_id, "succeeded", result=1)
        # The other's stream begins behind the end, which its job has not heard of.
        executor.tells_streams.set()

        assert kinds(await following) == ["queued", "started", "succeeded"]


@pytest.mark.capability("N2")
async def test_a_job_whose_events_are_gone_says_so_and_has_its_result(
    client: Client, executor: StandIn, line: Line
) -> None:
    job = await client.exec("wait")
    await first(2, job)
    with line.dead():
        executor.happen(job.job_id, "succeeded", result=1)
        executor.forget()

    with pytest.raises(StreamReset):
        await all_of(job)
    assert await soon(job.result()) == 1


@pytest.mark.capability("D3")
async def test_a_job_for_one_session_reaches_that_session_only(
    client: Client, executor: StandIn, realm: Realm
) -> None:
    async with client_at(realm.unix) as other:
        heard = other.events()
        private = await client.exec("echo", deliver="session")
        public = await client.exec("echo")

        assert kinds(await all_of(private)) == ["queued", "started", "succeeded"]
        assert {event.job_id for event in await first(3, heard)} == {public.job_id}


async def test_a_job_for_one_session_is_followed_beyond_its_session(
    client: Client, executor: StandIn, line: Line
) -> None:
    job = await client.exec("wait", deliver="session")
    following = asyncio.ensure_future(all_of(job))
    line.cut()
    await until(Status.OFFLINE, client)
    executor.happen(job.job_id, "succeeded", result=1)

    assert kinds(await following) == ["queued", "started", "succeeded"]
    assert await soon(job.result()) == 1


async def test_a_job_that_is_delivered_to_nobody_can_still_be_waited_for(
    client: Client, executor: StandIn
) -> None:
    job = await client.exec("echo", [1], deliver="none")

    assert await soon(job.result()) == [[1], {}]
    assert kinds(await all_of(job)) == ["queued", "started", "succeeded"]


@pytest.mark.capability("D6", "D8", "N1")
async def test_a_stream_cut_ten_times_arrives_whole(
    client: Client, executor: StandIn, line: Line
) -> None:
    heard = client.events()
    job = await client.exec("wait")
    followed = asyncio.ensure_future(all_of(job))

    async def report() -> None:
        while True:
            executor.happen(job.job_id, "progress", number=len(executor.journal))
            await asyncio.sleep(0.002)

    reporting = asyncio.ensure_future(report())
    for _ in range(10):
        await first(20, client.events())
        line.cut()
        await until(Status.OFFLINE, client)
        await until(Status.LIVE, client)
    reporting.cancel()
    executor.happen(job.job_id, "succeeded", result="done")
    received = await first(len(executor.journal), heard)

    assert [event.seq for event in received] == executor.stream()
    assert [event.as_dict() for event in await followed] == executor.journal
    assert await soon(job.result()) == "done"
    assert line.connections == 11


async def test_publications_lost_on_a_living_line_are_noticed_and_read(
    client: Client, executor: StandIn
) -> None:
    job = await client.exec("wait")
    await first(2, job)
    executor.is_silent = True
    executor.happen_many(job.job_id, "progress", 20)
    executor.is_silent = False
    executor.happen(job.job_id, "succeeded", result=1)

    assert [event.job_seq for event in await all_of(job)] == list(range(1, 24))


@pytest.mark.fault("F43")
async def test_what_happened_while_the_executor_was_away_is_read_when_it_is_back(
    client: Client, executor: StandIn, executor_session: Session, enter: Enter
) -> None:
    job = await client.exec("wait")
    await executor_session.leave()
    executor.happen(job.job_id, "lost", reason="The executor died")
    await executor.serve(await enter("executor"))

    with pytest.raises(JobLost, match="executor died"):
        await soon(job.result())


@pytest.mark.capability("N2")
async def test_a_stream_that_starts_anew_is_told_to_its_listeners(
    client: Client, executor: StandIn, line: Line
) -> None:
    heard = client.events()
    job = await client.exec("wait")
    await first(2, heard)
    with line.dead():
        executor.happen(job.job_id, "progress")
        executor.start_anew("second")
    with pytest.raises(StreamReset) as reset:
        await soon(heard.__anext__())
    executor.happen(job.job_id, "succeeded", result=1)

    assert [each["job_id"] for each in reset.value.jobs] == [job.job_id]
    assert kinds(await first(1, heard)) == ["succeeded"]
    assert await soon(job.result()) == 1


async def test_jobs_that_ended_beyond_the_reach_of_the_journal_are_looked_at(
    client: Client, executor: StandIn, line: Line
) -> None:
    job = await client.exec("wait")
    result = asyncio.ensure_future(job.result())
    await first(2, job)
    with line.dead():
        executor.happen(job.job_id, "succeeded", result=1)
        executor.forget()

    assert await soon(result) == 1


@pytest.mark.capability("D9")
async def test_a_call_in_flight_when_the_line_is_cut_fails(
    client: Client, executor: StandIn, line: Line
) -> None:
    executor.is_stuck = True
    call = asyncio.ensure_future(client.tasks())
    await soon(executor.was_asked.wait())
    line.cut()

    with pytest.raises(Disconnected):
        await soon(call)


async def test_a_call_made_while_offline_waits_for_the_connection(
    client: Client, line: Line
) -> None:
    line.cut()
    await until(Status.OFFLINE, client)

    assert await soon(client.tasks())


async def test_a_call_made_while_offline_is_not_patient_for_ever(
    executor: StandIn, line: Line
) -> None:
    async with client_at(line.ws, patience=0.1) as client:
        with line.dead():
            await until(Status.OFFLINE, client)

            with pytest.raises(errors.Unavailable, match="no connection"):
                await client.tasks()


async def test_a_client_without_an_executor_says_so_and_works_once_it_is_there(
    realm: Realm, enter: Enter
) -> None:
    async with client_at(realm.ws) as client:
        with pytest.raises(errors.Unavailable):
            await client.tasks()
        submitting = asyncio.ensure_future(client.exec("echo", [1]))
        executor = StandIn()
        await executor.serve(await enter("executor"))

        assert await soon((await soon(submitting)).result()) == [[1], {}]


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(lambda client, _job: all_of(client.events()), id="for all events"),
        pytest.param(lambda _client, job: all_of(job), id="for events of a job"),
        pytest.param(lambda _client, job: job.result(), id="for a result"),
        pytest.param(lambda _client, job: all_of(job.output()), id="for output"),
    ],
)
async def test_closing_the_client_ends_all_waiting(
    executor: StandIn, realm: Realm, wait: Callable[[Client, Job], Coroutine[Any, Any, Any]]
) -> None:
    async with client_at(realm.ws) as client:
        job = await client.exec("wait")
        waiting = asyncio.create_task(wait(client, job))
        await first(2, job)

    with pytest.raises(Disconnected, match="closed"):
        await soon(waiting)
    assert client.status is Status.CLOSED
    with pytest.raises(Disconnected, match="closed"):
        await client.tasks()


async def test_a_client_that_is_refused_gives_up(executor: StandIn, line: Line) -> None:
    tokens = iter(["ticket-of-ana", "ticket-of-nobody", "wrong"])
    async with Client(line.ws, token=lambda: next(tokens)) as client:
        job = await client.exec("wait")
        line.cut()

        with pytest.raises(Refused, match="Unknown token"):
            await soon(job.result())
        assert client.status is Status.REFUSED


async def test_a_client_does_not_become_somebody_else(executor: StandIn, line: Line) -> None:
    tokens = iter(["ticket-of-ana", "ticket-of-ben"])

    async def token() -> str:
        return next(tokens)

    async with Client(line.ws, token=token) as client:
        job = await client.exec("wait")
        line.cut()

        with pytest.raises(Refused, match="for ben, not for ana"):
            await soon(job.result())


async def test_a_client_that_cannot_enter_says_why(realm: Realm) -> None:
    with pytest.raises(Refused, match="Unknown token"):
        await Client(realm.ws, token="wrong").__aenter__()
    with pytest.raises(errors.Unavailable, match="cannot be reached"):
        await Client("ws://127.0.0.1:9/ws", token="any").__aenter__()


async def test_output_is_read_and_followed_to_the_end(client: Client, executor: StandIn) -> None:
    job = await client.exec("wait")
    executor.write(job.job_id, "before ü\n" * 300)
    following = asyncio.ensure_future(all_of(job.output("stdout")))
    await first(1, job.output("stdout"))
    for number in range(50):
        executor.write(job.job_id, f"line {number}\n", live=number % 7 != 0)
        await asyncio.sleep(0)
    executor.happen(job.job_id, "succeeded", result=None)

    chunks: list[OutputChunk] = await following
    text = "".join(chunk.text for chunk in chunks)
    assert text == "before ü\n" * 300 + "".join(f"line {number}\n" for number in range(50))
    assert all(left.next == right.offset for left, right in itertools.pairwise(chunks))


@pytest.mark.capability("D6")
async def test_output_on_a_cut_line_has_no_hole_and_no_repeat(
    client: Client, executor: StandIn, line: Line
) -> None:
    job = await client.exec("wait")
    following = asyncio.ensure_future(all_of(job.output()))
    expected = {"stdout": "", "stderr": ""}
    for number in range(200):
        stream = "stderr" if number % 3 == 0 else "stdout"
        expected[stream] += f"{number}\n"
        executor.write(job.job_id, f"{number}\n", stream)
        if number % 40 == 20:
            line.cut()
        await asyncio.sleep(0.002)
    executor.happen(job.job_id, "succeeded", result=None)

    received = {"stdout": "", "stderr": ""}
    for chunk in await following:
        received[chunk.stream] += chunk.text
    assert received == expected


async def test_output_beyond_what_the_node_keeps_is_said_to_be_lost(
    client: Client, executor: StandIn
) -> None:
    job = await client.exec("wait")
    executor.write(job.job_id, "kept, forgotten, kept again")
    executor.jobs[job.job_id]["gap"] = (6, 17)
    executor.happen(job.job_id, "succeeded", result=None)

    assert await all_of(job.output("stdout", 2)) == [
        OutputChunk("stdout", 2, 6, "pt, "),
        OutputChunk("stdout", 17, 27, "kept again", skipped=11),
    ]


async def test_a_result_too_big_for_an_event_is_fetched(client: Client, executor: StandIn) -> None:
    job = await client.exec("wait")
    numbers = list(range(2_000))
    executor.write(job.job_id, json.dumps(numbers), "result", live=False)
    executor.happen(job.job_id, "succeeded", result=None, artifact="result.json")

    assert await job.result() == numbers
    assert await client.job(job.job_id).result() == numbers


async def test_wrong_output_streams_are_named(client: Client) -> None:
    job = await client.exec("echo")

    with pytest.raises(ValueError, match="use stdout, stderr"):
        await all_of(job.output("stdin"))
    with pytest.raises(ValueError, match="say which"):
        await all_of(job.output(offset=1))


async def test_jobs_are_listed_page_by_page(client: Client, realm: Realm) -> None:
    waiting = await client.exec_many([Request("wait")] * 60)
    echoed = await client.exec_many([Request("echo")] * 60)
    newest_first = sorted((job.job_id for job in (*waiting, *echoed)), reverse=True)
    newest_echoes = sorted((job.job_id for job in echoed), reverse=True)

    assert [job["job_id"] async for job in client.jobs()] == newest_first
    assert [job["job_id"] async for job in client.jobs(limit=60)] == newest_first[:60]
    assert [job["job_id"] async for job in client.jobs(task="echo", limit=2)] == newest_echoes[:2]
    async with client_at(realm.unix, "olga") as operator:
        assert len(await all_of(operator.jobs(owner="ana", limit=5))) == 5


async def test_a_job_that_nobody_holds_is_forgotten(client: Client, executor: StandIn) -> None:
    gc.disable()  # no help: references alone must do
    try:
        job: Job | None = await client.exec("wait")
        assert job is not None
        await first(2, job)
        gone = weakref.ref(job)
        job = None
        await client.tasks()  # by then, the loop has closed the iteration that was left early
    finally:
        gc.enable()

    assert gone() is None


async def test_the_same_job_is_the_same_object(client: Client) -> None:
    job = await client.exec("wait")

    assert client.job(job.job_id) is job


async def test_thousands_of_jobs_pass_through_one_client_without_a_task_for_each(
    executor: StandIn, realm: Realm
) -> None:
    async with client_at(realm.unix) as client:
        jobs = []
        for _ in range(20):
            jobs += await client.exec_many([Request("wait")] * 100)
        executor.end_all([job.job_id for job in jobs])
        tasks = len(asyncio.all_tasks())
        results = await soon(asyncio.gather(*(job.result() for job in jobs)))

        assert results == [job.job_id for job in jobs]
        assert tasks < 20


def test_the_client_needs_neither_crossbar_nor_twisted() -> None:
    program = (
        "import sys, taskrealm.client\n"
        "sys.exit(', '.join({'crossbar', 'twisted', 'bjdata'} & sys.modules.keys()) or None)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30
    )

    assert (ran.returncode, ran.stderr) == (0, "")
