"""`taskrealm load`: figures of a node under load, and a verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.site import client
from tests.site.jobs import until

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

LIMIT = 50.0  # seconds


def load(site: Node, user: str, *words: str) -> subprocess.CompletedProcess[str]:
    who = ("--url", site.url, "--token", site.issue(user))
    return subprocess.run(
        [sys.executable, "-m", "taskrealm", "load", *who, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.capability("J6")
async def test_a_load_is_submitted_at_its_rate_and_every_client_hears_all_of_it(site: Node) -> None:
    done = load(site, "load_lea", "--jobs", "30", "--rate", "30", "--clients", "3", "--json")
    told = figures(done)

    assert done.returncode == 0, done.stderr
    assert (told["accepted"], told["ends"]) == (30, {"succeeded": 30})
    assert told["seconds"] >= 29 / 30
    events = told["events"]
    # Queued, started and succeeded are the least that there is of each job.
    assert events.pop("heard") >= 3 * 30 * 3
    assert events == {"missed": 0, "repeated": 0, "incomplete": 0}
    for times in told["times"].values():
        assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= times["p100"]
    assert told["times"]["accepted"]["p50"] < told["times"]["ended"]["p100"]
    async with client(site, "load_lea") as lea:
        assert len([job async for job in lea.jobs(task="demo.count")]) == 30


async def test_jobs_that_fail_make_the_verdict_and_people_are_told_in_words(site: Node) -> None:
    done = load(
        site, "load_leo", "demo.fail", "--arguments", '{"code": 3}', "--jobs", "2", "--rate", "50"
    )

    assert done.returncode == 1
    assert "2 accepted: 2 failed" in done.stdout
    assert "0 missed, 0 repeated, 0 jobs incomplete" in done.stdout
    assert "has not kept what it promises" in done.stderr


async def test_what_nobody_waits_for_any_more_is_cancelled(site: Node) -> None:
    done = load(
        site, "load_liz", "probe.nap", "--jobs", "3", "--rate", "50", "--patience", "0.5", "--json"
    )
    told = figures(done)

    assert done.returncode == 1
    assert (told["accepted"], told["ends"]) == (3, {})
    assert told["events"]["incomplete"] == 3 * told["clients"]
    async with client(site, "load_liz") as liz:
        jobs = [job async for job in liz.jobs()]
        for job in jobs:
            await until(liz.job(job["job_id"]), EventType.CANCELLED)
    assert len(jobs) == 3


async def test_wrong_arguments_are_named_before_anything_is_submitted(site: Node) -> None:
    done = load(site, "load_lou", "--arguments", '{"to": 0}')

    assert done.returncode == 3
    assert done.stderr.startswith("to: ")
    async with client(site, "load_lou") as lou:
        assert [job async for job in lou.jobs()] == []
