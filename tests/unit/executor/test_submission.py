"""How requests become jobs, in an executor that has a journal of its own and no router."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from taskrealm.cli.template import write_node
from taskrealm.executor.assembly import Assembly
from taskrealm.executor.foundation import Foundation
from taskrealm.executor.requests import Accepted, Request
from taskrealm.executor.site import load_site
from taskrealm.settings import NodeFolder, load_settings
from taskrealm.tasks import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMIT = 30.0  # seconds
ANA = Caller("ana", "user", "ana", ())
TASKS = """\
from taskrealm.tasks import CommandTask


class Nothing(CommandTask):
    name = "nothing"
    command = ["true"]
"""


class Node:
    """An executor that takes jobs and starts none."""

    def __init__(self, foundation: Foundation, assembly: Assembly) -> None:
        self.journal = foundation.journal
        self.executor = assembly.executor
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def submit(self, key: str | None = None) -> Accepted:
        [accepted] = await self.executor.submit(
            [Request("nothing", key=key)], ANA, session=1, answered=self.answered
        )
        return accepted


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    write_node(tmp_path)
    shutil.rmtree(tmp_path / "tasks")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "nothing.py").write_text(TASKS)
    folder = NodeFolder(tmp_path)
    folder.state.mkdir(exist_ok=True)
    folder.paused.touch()
    settings = load_settings(folder.settings_file)
    load = partial(load_site, folder, settings)
    foundation = await Foundation.open(folder, settings, load())
    try:
        node = Node(foundation, Assembly(foundation, load))
        await node.executor.recover()
        yield node
    finally:
        await foundation.close()


@pytest.mark.parametrize("key", [None, "once"])
async def test_a_job_whose_caller_leaves_before_it_is_recorded_waits_all_the_same(
    node: Node, key: str | None
) -> None:
    async with asyncio.timeout(LIMIT):
        leaving = asyncio.create_task(node.submit(key))
        while not node.executor._unended:  # noqa: ASYNC110
            await asyncio.sleep(0)
        [job_id] = node.executor._unended
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        # What is written later is durable later.
        await node.submit()
        node.answered.set_result(None)
        await asyncio.sleep(0)
        recorded = await node.journal.job(job_id)

    assert leaving.cancelled()
    assert recorded is not None
    assert node.executor.position(job_id) == 1


async def test_who_repeats_a_request_while_its_job_is_recorded_is_given_that(node: Node) -> None:
    async with asyncio.timeout(LIMIT):
        first, second = await asyncio.gather(node.submit("once"), node.submit("once"))

    assert first.job.job_id == second.job.job_id
    assert (first.is_new, second.is_new) == (True, False)
