"""From the exit of a program to its event in a browser, beside a bare publication to the same page."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from taskrealm.protocol import uris

from .figures import Figures, alone, p95
from .node import inner_session, running_node
from .pages import joined_page

if TYPE_CHECKING:
    from taskrealm.wire import Session

    from .pages import Page

PROGRAMS = 100  # in one round
FIRST = 10  # programs before the first round, which are slower

LISTEN = """() => {
  const bare = []
  let hear = () => {}
  window.next = async () => {
    if (bare.length === 0) await new Promise(resolve => { hear = resolve })
    return bare.shift()
  }
  // The shortest way through the library, beside which events are measured.
  client.on("positions", ({at}) => {
    if (at) bare.push([clock(), at])
    hear()
  })
  window.ends = new Map()
  client.on("event", event => {
    if (event.type === "succeeded") ends.get(event.job_id)?.([clock(), event.result])
  })
}"""

END = """async () => {
  let hear
  const end = new Promise(resolve => { hear = resolve })
  const job = await client.exec("stamp")
  ends.set(job.id, hear)
  return await end
}"""


async def measure(rounds: int) -> Figures:
    """Bar 6."""
    figures = Figures()
    with running_node(2) as folder:
        async with inner_session(folder) as inside, joined_page(folder, "ana") as page:
            await page.evaluate(LISTEN)
            for _ in range(FIRST):
                await _end(page)
            for _ in range(rounds):
                exits, bare = [], []
                for _ in range(PROGRAMS):
                    bare.append(await _bare(page, inside))
                    exits.append(await _end(page))
                middle, least = statistics.median(exits), statistics.median(bare)
                figures.add(
                    {
                        "exit to browser over bare, ms": middle - least,
                        "exit to browser, p50 ms": middle,
                        "exit to browser, p95 ms": p95(exits),
                        "publication to browser, p50 ms": least,
                        "publication to browser, p95 ms": p95(bare),
                    }
                )
    return figures


async def _bare(page: Page, inside: Session) -> float:
    """Milliseconds from a bare publication to the page."""
    inside.publish(uris.queue_topic("ana"), {"at": time.time_ns() / 1e6})
    heard, at = await page.evaluate("next")
    return float(heard - at)


async def _end(page: Page) -> float:
    """Milliseconds from the end of a program to the page."""
    heard, printed = await page.evaluate(END)
    return float(heard - int(printed) / 1e6)


if __name__ == "__main__":
    alone(measure)
