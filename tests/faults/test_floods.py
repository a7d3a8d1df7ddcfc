"""What prints, gives back or asks for too much, or reads too little, harms nobody."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, the_one
from tests.site import SLOTS, client, make_site, programs_of, session

from taskrealm.client import JobFailed, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import TooLarge
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.client import Client, Job, OutputChunk

LIMIT = 60.0  # seconds
OUTPUT_LIMIT = 1_000_000  # bytes of each stream
MEMORY = 64 << 20  # bytes that the executor may need for a flood

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node that keeps little output, with tasks that print much."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=f"output_limit = {OUTPUT_LIMIT}\n")
        shutil.copy(Path(__file__).with_name("flood_tasks.py"), folder.root / "tasks" / "floods.py")
        with Node(folder) as node:
            node.until("READY")
            yield node


async def read(job: Job, stream: str = "stdout") -> list[OutputChunk]:
    """All output of *job*, checked to be in order, with every gap told."""
    chunks: list[OutputChunk] = []
    position = 0
    async with asyncio.timeout(LIMIT):
        async for chunk in job.output(stream):
            assert chunk.offset == position + chunk.skipped
            position = chunk.next
            chunks.append(chunk)
    assert position == (await job.snapshot())["output"][stream]
    return chunks


def text_of(chunks: list[OutputChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def numbers(to: int) -> str:
    return "".join(f"{number}\n" for number in range(1, to + 1))


def kept_of(site: Node, job: Job) -> int:
    """Bytes on the disk of what *job* has printed."""
    folder = site.folder.journal / "output" / job.job_id[-2:]
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and job.job_id in str(path)
    )


def memory_of(site: Node) -> int:
    """The most bytes that the executor has ever had in memory."""
    status = Path(f"/proc/{the_one(site.folder, 'components/executor.py')}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1_024


@pytest.mark.capability("N7", "X9")
@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    "is_watched", [pytest.param(True, id="watched"), pytest.param(False, id="unwatched")]
)
async def test_of_a_flood_beginning_and_end_are_kept_and_the_rest_is_counted(
    site: Node, is_watched: bool
) -> None:
    to = 20_000_000
    printed = 168_888_897  # bytes of so many numbers
    async with client(site) as ana, client(site, "bo") as bo:
        await (await ana.exec("probe.nothing")).result(LIMIT)
        before = memory_of(site)
        job = await ana.exec("flood.count", {"to": to})
        watching = asyncio.create_task(read(job)) if is_watched else None
        while not (await job.snapshot())["state"] == "succeeded":
            assert await (await bo.exec("probe.printed", {"text": "me too"})).result(LIMIT)
        live = None if watching is None else await watching
        chunks = await read(job)
        after = memory_of(site)

        # What the reader was given live is not in the store any more, but was printed.
        for each in (chunks, live or chunks):
            assert text_of(each).startswith(numbers(1_000))
            assert text_of(each).endswith(f"{to - 1}\n{to}\n")
            assert sum(len(chunk.text) + chunk.skipped for chunk in each) == printed
        assert sum(chunk.skipped > 0 for chunk in chunks) == 1
        assert OUTPUT_LIMIT * 0.9 < len(text_of(chunks)) == kept_of(site, job) <= OUTPUT_LIMIT
        assert after - before < MEMORY


@pytest.mark.capability("N7", "X9")
@pytest.mark.fault("F14")
async def test_a_task_may_want_its_job_to_fail_for_printing_too_much(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("flood.fail")
        with pytest.raises(JobFailed, match="printed more than 200000 bytes on stdout") as failed:
            await job.result(LIMIT)

        assert failed.value.duration is not None
        assert failed.value.duration < 10  # seconds; it would print for ever
        assert programs_of(job.job_id) == []
        assert kept_of(site, job) <= 200_000


@pytest.mark.capability("X9")
async def test_a_task_may_have_an_output_limit_of_its_own(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("flood.narrow")
        await job.result(LIMIT)
        chunks = await read(job)

        assert len(text_of(chunks)) == kept_of(site, job) <= 16_000
        assert sum(len(chunk.text) + chunk.skipped for chunk in chunks) == len(numbers(100_000))


@pytest.mark.capability("N7")
@pytest.mark.fault("F15")
async def test_one_endless_line_is_kept_like_any_other_output(site: Node) -> None:
    async with client(site) as ana:
        job = await ana.exec("flood.line")
        live = await read(job)
        chunks = await read(job)

    assert set(text_of(chunks)) == {"x"}
    for each in (live, chunks):
        assert sum(len(chunk.text) + chunk.skipped for chunk in each) == 10_000_000
    assert len(text_of(chunks)) <= OUTPUT_LIMIT


@pytest.mark.capability("N6")
@pytest.mark.fault("F15")
async def test_what_is_no_text_passes_and_what_is_more_than_text_stays(site: Node) -> None:
    printed = (
        b"nul\0 \xff\xfe broken \xe2\x82 \x1b[31mred\x1b[0m\n"
        + b"".join(b"\r%3d %%" % percent for percent in range(0, 101, 10))
        + b"\n\xe2\x82"
    )
    async with client(site) as ana:
        job = await ana.exec("flood.strange")
        live = await read(job)
        chunks = await read(job)

        assert text_of(live) == text_of(chunks) == printed.decode(errors="replace")
        assert (await job.snapshot())["state"] == "succeeded"


@pytest.mark.capability("N6")
@pytest.mark.fault("F15")
async def test_binary_noise_is_addressed_by_its_true_offsets(site: Node) -> None:
    noise = random.Random(7).randbytes(400_000)
    async with client(site) as ana:
        job = await ana.exec("flood.noise", {"seed": 7, "size": len(noise)})
        live = await read(job)
        chunks = await read(job)

    for chunk in (*live, *chunks):
        assert chunk.text == noise[chunk.offset : chunk.next].decode(errors="replace")
    assert sum(chunk.next - chunk.offset for chunk in live) == len(noise)


@pytest.mark.capability("N6")
@pytest.mark.fault("F15")
async def test_characters_that_come_byte_by_byte_arrive_whole(site: Node) -> None:
    text = "aé€😀" * 200
    async with client(site) as ana:
        job = await ana.exec("flood.bytewise", {"text": text})
        live = await read(job)

        assert text_of(live) == text_of(await read(job)) == text
        assert len(live) > 1


@pytest.mark.capability("N7")
@pytest.mark.fault("F16")
async def test_readers_that_are_many_or_slow_or_stopped_hold_up_nobody(site: Node) -> None:
    to = 5_000_000
    printed = 38_888_896  # bytes of so many numbers
    async with contextlib.AsyncExitStack() as stack:
        ana = await stack.enter_async_context(client(site))
        before = memory_of(site)
        holding = [await ana.exec("probe.nap") for _ in range(SLOTS)]
        job = await ana.exec("flood.count", {"to": to})  # waits for a slot
        topic = uris.output_topic("ana", job.job_id)
        heard: list[dict[str, Any]] = []
        for number in range(50):
            peer = await session(site)
            stack.push_async_callback(peer.leave)
            await peer.subscribe(topic, heard.append if number == 0 else lambda _: None)
        stopped = await stack.enter_async_context(await site.user("ana"))
        await stopped.subscribe(topic)  # and never reads again
        slow = asyncio.create_task(read_slowly(job, until=job))
        for each in holding:
            await each.cancel(now=True)
        quick = await read(job)

        assert await job.result(LIMIT) is None
        assert heard
        assert all(left["next"] <= right["offset"] for left, right in itertools.pairwise(heard))
        for chunks in (quick, await slow):
            assert sum(chunk.next - chunk.offset + chunk.skipped for chunk in chunks) == printed
            assert text_of(chunks).endswith(f"\n{to}\n")
        assert memory_of(site) - before < MEMORY


async def read_slowly(job: Job, *, until: Job) -> list[OutputChunk]:
    """Read one chunk, and the rest only when the job *until* has ended."""
    chunks = []
    async for chunk in job.output("stdout"):
        if not chunks:
            await until.result(LIMIT)
        chunks.append(chunk)
    return chunks


@pytest.mark.fault("F17")
@pytest.mark.parametrize(
    ("words", "limit"),
    [
        pytest.param(["x" * 131_072], 131_071, id="one argument longer than Linux takes"),
        pytest.param(["x" * 100_000] * 3, 262_144, id="more than a job may carry"),
        pytest.param(["x" * 100_000] * 20, 1_048_576, id="more than a message may carry"),
    ],
)
async def test_arguments_that_are_too_big_are_refused_with_the_limit(
    site: Node, words: list[str], limit: int
) -> None:
    async with client(site) as ana:
        peer = await session(site)
        with pytest.raises(TooLarge, match=str(limit)) as refused:
            await ana.exec("probe.arguments", {"words": words})
        with pytest.raises(TooLarge):
            await peer.call(uris.EXEC, "probe.arguments", [], {"words": words})

        assert refused.value.limit == limit
        assert await peer.call(uris.TASKS)
        assert await (await ana.exec("date")).result(LIMIT)
        await peer.leave()


@pytest.mark.fault("F17")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param("nan", "made no result: ratio must be a finite number", id="not a number"),
        pytest.param("infinity", "must be a finite number", id="infinity"),
        pytest.param("unserialisable", "must be a value that JSON has, not object", id="an object"),
        pytest.param("deep", "must not be nested more than 32 deep", id="nested without end"),
        pytest.param("64 MB", "a result of 64000002 bytes; the most is 20000000", id="huge"),
    ],
)
async def test_a_result_that_cannot_be_kept_fails_the_job_with_the_reason(
    site: Node, kind: str, reason: str
) -> None:
    async with client(site) as ana:
        with pytest.raises(JobFailed, match=reason):
            await (await ana.exec("flood.result", {"kind": kind})).result(LIMIT)

        assert await (await ana.exec("date")).result(LIMIT)


@pytest.mark.fault("F17")
async def test_a_big_result_becomes_an_artifact_that_is_fetched_without_asking(
    site: Node,
) -> None:
    lines = [f"line {number}" for number in range(70_000)]
    async with client(site) as ana:
        job = await ana.exec("flood.result", {"kind": "1 MB"})
        events = [event async for event in job]
        [artifact] = [event for event in events if event.type is EventType.ARTIFACT]

        assert await job.result(LIMIT) == lines
        assert await ana.job(job.job_id).result(LIMIT) == lines
        assert artifact.data["name"] == "result.json"
        assert artifact.data["media_type"] == "application/json"
        assert artifact.data["size"] == len(json.dumps(lines))
        assert (events[-1].data["result"], events[-1].data["artifact"]) == (None, "result.json")


@pytest.mark.fault("F17")
async def test_lists_of_jobs_with_big_results_come_in_pages_that_fit(site: Node) -> None:
    async with client(site, "bulk") as bulk:
        jobs = await bulk.exec_many([Request("flood.result", {"kind": "200 kB"})] * 8)
        for job in jobs:
            assert len(await job.result(LIMIT)) == 200_000
        peer = await session(site, "bulk")
        page = await peer.call(uris.JOBS, limit=200)
        stream = await peer.call(uris.EVENTS)
        events = await peer.call(uris.EVENTS, epoch=stream["epoch"], since=0, limit=1_000)
        listed = [job["job_id"] async for job in bulk.jobs()]
        history = await types_heard(bulk, [job.job_id for job in jobs])

        assert 1 <= len(page["jobs"]) < len(jobs)
        assert page["next"] == page["jobs"][-1]["job_id"]
        assert [each["seq"] for each in events["events"]] == [*range(1, len(events["events"]) + 1)]
        assert events["more"]
        assert listed == [job.job_id for job in reversed(jobs)]
        assert history == ["queued", "started", "succeeded"] * len(jobs)
        await peer.leave()


async def types_heard(user: Client, job_ids: list[str]) -> list[str]:
    async with asyncio.timeout(LIMIT):
        return [event.type.value for each in job_ids async for event in user.job(each)]
