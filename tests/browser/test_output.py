"""A job's output in a real Chromium: a million lines, colours, two streams, live, and searched."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.site import client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LIMIT = 60.0  # seconds
MILLION = """
import sys
write = sys.stdout.write
for begin in range(0, 1_000_000, 10_000):
    write("".join(f"line {n:07d}\\n" for n in range(begin, begin + 10_000)))
"""
MOST_ROWS = 400
MOST_HEAP = 60_000_000  # bytes


async def shown(page: Page) -> list[str]:
    """The lines that are in the page."""
    return await page.get_by_test_id("job-output").locator(".line").all_inner_texts()


async def heap(page: Page) -> int:
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return int(used["usedSize"])


def lines_of(rows: list[str]) -> list[int]:
    """The numbers of the lines in *rows*, which must follow one another."""
    numbers = [int(row.split()[1]) for row in rows if row.strip()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return numbers


@pytest.mark.capability("N30", "N6")
async def test_a_million_lines_open_at_their_end_and_are_all_within_reach(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with client(site, "lena") as lena, visit("lena") as page:
        job = await lena.exec("probe.script", {"code": MILLION})
        await job.result(LIMIT)
        address = page.url.partition("#")[0] + f"#/jobs/{job.job_id}"
        before = await heap(page)
        await page.goto(address)
        await page.get_by_text("line 0999999").wait_for()
        output = page.get_by_test_id("job-output")
        assert lines_of(await shown(page))[-1] == 999_999
        await screenshot(page, "output-million")

        # Up by the wheel, past what was read at first.
        await output.hover()
        async with asyncio.timeout(LIMIT):
            while lines_of(await shown(page))[0] > 994_000:
                await page.mouse.wheel(0, -4_000)
        await expect(page.get_by_role("button", name="Jump to latest")).to_be_visible()
        await screenshot(page, "output-scrolled")

        # To the middle by the scrollbar, to the top by a key, and down again.
        track = await page.locator(".track").bounding_box()
        assert track is not None
        await page.mouse.click(track["x"] + 6, track["y"] + track["height"] / 2)
        await expect(page.get_by_text(re.compile("line 0(49|50)"))).not_to_have_count(0)
        lines_of(await shown(page))
        await output.focus()
        await page.keyboard.press("Home")
        await expect(page.get_by_text("line 0000000")).to_be_visible()
        async with asyncio.timeout(LIMIT):
            while lines_of(await shown(page))[0] < 6_000:
                await page.mouse.wheel(0, 4_000)
        assert await page.locator(".output .line").count() <= MOST_ROWS
        assert await heap(page) - before < MOST_HEAP

        # One in the middle by its text.
        search = page.get_by_role("searchbox", name="Search the output")
        await search.fill("LINE 0654321")
        await expect(page.get_by_test_id("output-found")).to_have_text("1 of 1")
        await expect(page.locator(".line[data-current]")).to_have_text("line 0654321")
        await expect(page.locator(".line[data-current]")).to_be_in_viewport()
        lines_of(await shown(page))
        await screenshot(page, "output-found")
        await search.fill("99999")
        await expect(page.get_by_test_id("output-found")).to_have_text(re.compile("of 19$"))
        await page.get_by_role("button", name="Jump to latest").click()
        await expect(page.get_by_text("line 0999999")).to_be_visible()


STAGES = r"""
printf '\033[1;31mred\033[0m and \033[38;2;20;20;60mnearly black\033[0m\n\n'
printf '10 %%\r50 %%\r100 %% \033[2Adone\n'
echo 'oops' >&2
wait_for() { while [ ! -e "$MARK.$1" ]; do sleep 0.02; done; }
wait_for live
seq -f 'live %g' 1 3000
wait_for more
seq -f 'live %g' 3001 3312
printf 'half a '
wait_for end
echo line
echo 'warned at the end' >&2
"""


FIRST = """screen => {
  const {top} = screen.getBoundingClientRect()
  const rows = [...screen.querySelectorAll(".line")]
  return rows.find(row => row.getBoundingClientRect().bottom > top + 4).innerText
}"""


def rows_like(rows: list[str], word: str) -> list[int]:
    """The numbers in those of *rows* that begin with *word*."""
    return [int(row.split()[1]) for row in rows if row.startswith(f"{word} ")]


@pytest.mark.capability("N6", "N1")
async def test_both_streams_are_followed_live_in_colour_until_one_scrolls_up(
    visit: Any, site: Node, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    async with client(site, "live") as live, visit("live", color_scheme="dark") as page:
        job = await live.exec("steps.shell", {"script": f"MARK={mark}\n{STAGES}"})
        await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
        output = page.get_by_test_id("job-output")
        lines = output.locator(".line:not([data-note])")
        await expect(lines.filter(has_text="oops")).to_have_attribute("data-stream", "stderr")
        red, dark = lines.first.locator("span").nth(0), lines.first.locator("span").nth(1)
        assert (await lines.all_inner_texts())[:3] == ["red and nearly black", "\n", "100 % done"]
        await expect(red).to_have_css("color", "rgb(255, 123, 114)")
        await expect(red).to_have_css("font-weight", "700")
        assert await dark.evaluate("e => getComputedStyle(e).color") != "rgb(20, 20, 60)"
        copied = await output.evaluate(
            "e => { getSelection().selectAllChildren(e); return getSelection().toString() }"
        )
        assert copied.strip().startswith("red and nearly black\n\n100 % done\n")
        await page.evaluate("getSelection().empty()")

        mark.with_suffix(".live").touch()
        await expect(output.get_by_text("live 3000")).to_be_visible()
        numbers = rows_like(await shown(page), "live")
        assert numbers == list(range(numbers[0], 3001))
        await screenshot(page, "output-live-dark")

        await output.hover()
        await page.mouse.wheel(0, -1_000)
        jump = page.get_by_role("button", name="Jump to latest")
        await expect(jump).to_be_visible()
        first = await output.evaluate(FIRST)
        mark.with_suffix(".more").touch()
        await expect(jump).to_have_text("Jump to latest (312 new)")
        assert await output.evaluate(FIRST) == first
        await screenshot(page, "output-unfollowed-dark")
        await jump.click()
        await expect(output.get_by_text("half a")).to_be_visible()
        assert rows_like(await shown(page), "live")[-1] == 3312

        mark.with_suffix(".end").touch()
        await expect(output.get_by_text("half a line")).to_be_visible()
        await expect(output.get_by_text("warned at the end")).to_be_visible()
        await page.set_viewport_size({"width": 360, "height": 740})
        await screenshot(page, "output-phone-dark")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360

        # Every line is there, in its order, from the first to the last.
        seen: list[int] = []
        await output.focus()
        await page.keyboard.press("Home")
        await expect(output.get_by_text("red and nearly black")).to_be_visible()
        async with asyncio.timeout(LIMIT):
            while seen[-1:] != [3312]:
                new = rows_like(await shown(page), "live")
                seen += [number for number in new if number > (seen[-1] if seen else 0)]
                await output.press("PageDown")
        assert seen == list(range(1, 3313))
        await page.get_by_role("combobox", name="Stream").select_option("stderr")
        await expect(lines).to_have_text(["oops", "warned at the end"])
