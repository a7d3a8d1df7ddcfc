"""Programs without an event loop submit jobs, wait for them, and read what any process may."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from taskrealm.client import BlockingClient, Disconnected, JobFailed, Refused, Request
from taskrealm.protocol.errors import InvalidArguments, UnknownTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.nodes import Node

LIMIT = 60.0  # seconds


@pytest.fixture
def ana(site: Node) -> Iterator[BlockingClient]:
    with BlockingClient(
        f"ws://127.0.0.1:{site.port}/ws", token=site.issue("shop_ana", "user")
    ) as client:
        yield client


@pytest.mark.capability("S11", "S10")
def test_a_script_submits_a_job_and_waits_for_its_result(ana: BlockingClient) -> None:
    job = ana.exec("probe.printed", {"text": "done"})

    assert job.result(LIMIT) == "done"
    assert [event.type.value for event in job] == ["queued", "started", "succeeded"]
    assert "".join(chunk.text for chunk in job.output("stdout")) == "done"
    assert job.snapshot()["state"] == "succeeded"
    assert ana.job(job.job_id).result(LIMIT) == "done"
    assert [each["job_id"] for each in ana.jobs(limit=1)] == [job.job_id]


@pytest.mark.capability("S10", "S7")
def test_one_call_gives_a_script_the_result_or_gives_up_in_time(ana: BlockingClient) -> None:
    before = set(threading.enumerate())

    assert ana.run("probe.printed", {"text": "done"}) == "done"
    with pytest.raises(JobFailed, match="exit code 3"):
        ana.run("probe.shell", ["exit 3"], patience=LIMIT)
    with pytest.raises(TimeoutError):
        ana.run("probe.nap", patience=0.5)
    for job in ana.jobs(task="probe.nap", state=["queued", "running"]):
        ana.job(job["job_id"]).cancel(now=True)
    assert set(threading.enumerate()) == before


@pytest.mark.capability("S11")
def test_a_script_is_refused_as_a_coroutine_is(site: Node, ana: BlockingClient) -> None:
    with pytest.raises(UnknownTask):
        ana.exec("no.such.task")
    with pytest.raises(InvalidArguments, match="number"):
        ana.exec("probe.nothing", {"number": "many"})
    with pytest.raises(JobFailed, match="exit code 3"):
        ana.exec("probe.shell", ["exit 3"]).result(LIMIT)
    with pytest.raises(Refused), BlockingClient(f"ws://127.0.0.1:{site.port}/ws", token="tr_no"):
        pass


@pytest.mark.capability("S11")
def test_a_script_may_stop_waiting_and_stop_its_job(ana: BlockingClient) -> None:
    job = ana.exec("probe.nap")
    with pytest.raises(TimeoutError):
        job.result(0.2)

    assert job.cancel("enough") in ("stopping", "removed_from_queue")
    assert [event.type.value for event in job][-1] == "cancelled"


@pytest.mark.capability("S11")
def test_many_threads_share_one_client(ana: BlockingClient) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(
            target=lambda text: results.append(
                ana.exec("probe.printed", {"text": text}).result(LIMIT)
            ),
            args=[str(number)],
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)

    assert sorted(results) == list("01234567")
    jobs = ana.exec_many([Request("probe.nothing"), Request("probe.nothing")])
    assert [job.result(LIMIT) for job in jobs] == [None, None]


@pytest.mark.capability("N22")
def test_many_jobs_are_cancelled_by_one_call(ana: BlockingClient) -> None:
    jobs = [ana.exec("date", delay=600) for _ in range(2)]

    outcomes = ana.cancel_many([jobs[0], jobs[1].job_id], "enough")

    assert outcomes == {job.job_id: "removed_from_queue" for job in jobs}
    assert [event.data.get("reason") for event in jobs[0]][-1] == "enough"


def test_a_client_that_is_left_early_or_closed_says_so(site: Node, ana: BlockingClient) -> None:
    job = ana.exec("probe.nap")
    events = iter(job)
    assert next(events).type.value == "queued"
    job.cancel(now=True)
    with BlockingClient(
        f"ws://127.0.0.1:{site.port}/ws", token=site.issue("shop_ben", "user")
    ) as ben:
        listening = ben.events()
        done = ben.exec("probe.nothing")
        assert next(listening).job_id == done.job_id

    with pytest.raises(Disconnected, match="The client is closed"):
        ben.tasks()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_is_told_to_open_its_own(ana: BlockingClient) -> None:
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            ana.tasks()
        except Disconnected as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.wait()

    assert "open one in each process" in os.read(reader, 1_000).decode()
    os.close(reader)
    assert ana.tasks()


VIEW = """
import sys

from flask import Flask, jsonify

from taskrealm.client import BlockingClient

url, token, job_id = sys.argv[1:]
client = BlockingClient(url, token=token)
app = Flask(__name__)


@app.get("/progress/<job_id>")
def get_progress(job_id):
    job = client.job(job_id).snapshot()
    return jsonify(state=job["state"], progress=job["progress"], owner=job["owner"])


with client:
    print(app.test_client().get(f"/progress/{job_id}").get_data(as_text=True))
"""


@pytest.mark.capability("G3")
def test_any_process_of_the_site_reads_state_and_progress_of_a_job(
    site: Node, ana: BlockingClient
) -> None:
    """A view of a web application in one process, and the command line in another."""
    script = (
        'echo "{\\"progress\\": 0.4, \\"message\\": \\"page 12\\"}" >"$TASKREALM_REPORT"; sleep 600'
    )
    job = ana.exec("probe.shell", [script])
    for event in job:
        if event.type.value == "progress":
            break

    view = subprocess.run(
        [
            sys.executable,
            "-c",
            VIEW,
            f"ws://127.0.0.1:{site.port}/ws",
            site.issue("shop_shop", "backend"),
            job.job_id,
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    shown = subprocess.run(
        [sys.executable, "-m", "taskrealm", "show", job.job_id, "--json"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        cwd=site.folder.root,
    )
    job.cancel(now=True)

    seen = json.loads(view.stdout)
    assert (seen["state"], seen["owner"]) == ("running", "shop_ana")
    assert (seen["progress"]["fraction"], seen["progress"]["message"]) == (0.4, "page 12")
    assert json.loads(shown.stdout)["progress"]["fraction"] == 0.4


@pytest.mark.capability("G3")
def test_the_journal_may_be_opened_for_reading_while_the_node_writes(
    site: Node, ana: BlockingClient
) -> None:
    job = ana.exec("probe.nothing")
    path = site.folder.journal / "journal.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        assert job.result(LIMIT) is None
        more = ana.exec("probe.nothing")
        assert more.result(LIMIT) is None

        # What happened just now may be staged yet.
        deadline = time.monotonic() + LIMIT
        query = "select state from jobs where job_id = ?"
        while journal.execute(query, [more.job_id]).fetchone() != ("succeeded",):
            assert time.monotonic() < deadline
            time.sleep(0.01)
