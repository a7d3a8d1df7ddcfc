"""WAMP libraries from npm that know nothing of TaskRealm: the same procedures, the same topics."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.needs import needs
from tests.site import client

from taskrealm.protocol.uris import uid_of

if TYPE_CHECKING:
    from tests.nodes import Node

LIMIT = 45.0  # seconds


@pytest.mark.capability("D4", "U12")
@pytest.mark.parametrize("library", ["autobahn", "wampy"])
async def test_any_wamp_library_runs_follows_and_cancels_jobs_and_touches_no_others(
    site: Node, library: str
) -> None:
    program = needs("node")
    async with client(site, f"plain_other_{library}") as other:
        job = await other.exec("probe.nap")
        done = await asyncio.to_thread(
            subprocess.run,
            [
                program,
                "--experimental-websocket",  # of which Node 22 and later need no word
                Path(__file__).with_name("plain_watcher.mjs"),
                library,
                site.url,
                site.issue(f"plain_{library}"),
                uid_of(f"plain_other_{library}"),
                job.job_id,
            ],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        state = (await job.snapshot())["state"]
        await job.cancel()

    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    steps = told.pop("steps")
    assert steps == list(range(len(steps)))
    assert told == {
        "result": 3,
        "types": ["queued", "started", "succeeded"],
        "answer": "stopping",
        "end": ["cancelled", "enough"],
        "refused": "wamp.error.not_authorized",
        "unknown": "taskrealm.error.unknown_job",
        "untouched": "taskrealm.error.unknown_job",
    }
    assert state == "running"
