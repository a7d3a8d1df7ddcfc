"""Shows what nodes logged of tests that failed, and ends what these have left running: others need the slots."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node

from taskrealm.client import Disconnected
from taskrealm.protocol.errors import Error
from taskrealm.protocol.jobs import State
from taskrealm.router.supervisor import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Generator

LIMIT = 20.0  # seconds for all jobs of a node
LINES = 40  # of each log that are shown
UNENDED = [state for state in State if not state.is_terminal]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A node is still there after the test that failed: others share it."""
    report = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Node) and value.process.poll() is None:
                # In a thread of its own, as this one may have a loop.
                with ThreadPoolExecutor(1) as thread:
                    left = thread.submit(asyncio.run, end_jobs(value)).result()
                report.sections.append((f"jobs left in {name}", left))
                for program in PROGRAMS:
                    log = value.folder.log(program)
                    lines = log.read_text(errors="replace").splitlines()[-LINES:]
                    report.sections.append((f"end of {log.name} of {name}", "\n".join(lines)))
    return report


async def end_jobs(node: Node) -> str:
    """Cancel all jobs of *node*; tells which there were, or why that is not known."""
    left = []
    try:
        async with asyncio.timeout(LIMIT), node.client("sweeper", "operator") as client:
            async for each in client.jobs(state=UNENDED):
                left.append(f"{each['task']} of {each['owner']}, {each['state']}")
                await client.job(each["job_id"]).cancel(now=True)
    except (Error, Disconnected, OSError, TimeoutError) as error:
        left.append(f"{type(error).__name__}: {error}")
    return "\n".join(left)
