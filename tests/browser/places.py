"""Every place of the console, with something to be seen at each."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.site.jobs import end_of, until

from taskrealm.client import Client
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from playwright.async_api import Page
    from tests.nodes import Node

ROUTES = Path(__file__).parents[2] / "web" / "console" / "src" / "route.ts"

LONG = 600.0  # seconds that a look at everything may take

TELLS = """
from taskrealm.tasks import report
report.message("Looking for chapter marks")
report.message("Two frames are damaged", level="warning", data={"frames": [5761, 5762]})
print("Input #0, matroska,webm, from 'lecture-07.mkv':")
print("  Stream #0:0: Video: h264 (High), yuv420p, 1920x1080, 25 fps")
for frame in range(40):
    print(f"frame={frame * 220:6} fps= 48 q=23.0 size={frame * 320:8}kB speed=2.1x", flush=True)
report.progress(0.61, "frame 8812 of 14400", eta=100.0)
report.ask("Which of the films?", choices=["the first one", "the second one", "none of them"])
"""


def screens() -> list[str]:
    """The names of all screens, as the console itself has them."""
    (table,) = re.findall(r"SCREENS = \[(.*?)\]", ROUTES.read_text(), re.S)
    return re.findall(r'"(\w+)"', table)


@asynccontextmanager
async def furnished(site: Node, authid: str, folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """
    Where there is something to be seen, for the operator *authid*: addresses by what they show.

    Files that jobs leave for the next go into *folder*. What runs is stopped in the end.
    """
    token = site.issue(authid, "operator", lifetime=LONG)
    async with Client(f"ws://127.0.0.1:{site.port}/ws", token=token) as user:
        counted = await user.exec("demo.count", {"to": 3, "interval": 0})
        await end_of(counted)
        failed = await user.exec("demo.fail", {"message": "lecture-07.mkv: moov atom not found"})
        await end_of(failed)
        running = await user.exec("steps.python", {"source": TELLS})
        await until(running, EventType.QUESTION)
        steps = {"log": str(folder / "log"), "count": 3, "seconds": "600"}
        batch = await user.exec("batches.steps", steps)
        await until(batch, EventType.STARTED)
        waiting = await user.exec("probe.nap", priority=-10)
        jobs = {
            "succeeded": counted,
            "failed": failed,
            "running": running,
            "queued": waiting,
            "batch": batch,
        }
        yield {
            **{name: f"/{name}" for name in screens()},
            "form": "/tasks/video.transcode",
            "form-simple": "/tasks/demo.count",
            **{f"job-{name}": f"/jobs/{job.job_id}" for name, job in jobs.items()},
            "job-unknown": "/jobs/01900000-0000-7000-8000-000000000000",
        }
        for each in (waiting, running, batch):
            await each.cancel(now=True)


async def visit_place(page: Page, address: str) -> None:
    """Go to *address* within the console, and wait until everything is there that belongs to it."""
    await page.goto(f"{page.url.partition('#')[0]}#{address}")
    await page.locator(f'main[data-place="{address}"] h1').first.wait_for()
    await page.wait_for_function(SETTLED)


SETTLED = """async () => {
  const everything = root => [...root.querySelectorAll("*")].flatMap(each => [
    each, ...(each.shadowRoot ? everything(each.shadowRoot) : []),
  ])
  for (const each of everything(document)) await each.updateComplete
  await Promise.all(document.getAnimations().filter(each =>
    each.effect.getComputedTiming().iterations !== Infinity).map(each => each.finished))
  return !everything(document).some(each => each.matches("[data-loading], [aria-busy=true]"))
}"""
"""Whether a page has rendered what it knows, and its transitions are over."""
