"""The console in a real Chromium, at a real node: sign in, run, watch, cancel, come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.needs import needs
from tests.site import client, is_running, programs_of
from tests.site.jobs import until

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LIMIT = 120.0  # seconds

ASKS = """
from taskrealm.tasks import report
report.ask("Which of the films?", choices=["the first one", "the second one", "none of them"])
"""

SHOWN = """() => {
  const job = document.querySelector("taskrealm-job").shadowRoot
  const part = name => job.querySelector(`[data-testid=${name}]`)
  const way = job.querySelector("taskrealm-progress")?.shadowRoot
  const output = job.querySelector("taskrealm-output")?.shadowRoot
  return {
    state: part("job-state").dataset.state,
    bar: way?.querySelector("progress[value]")?.value ?? null,
    printed: output?.querySelector("[data-testid=job-output]")?.innerText.length ?? 0,
  }
}"""


def make_video(path: Path, seconds: int) -> None:
    """A film of ffmpeg's test pattern with a tone, heavy enough to take a while to convert."""
    subprocess.run(
        [
            *(needs("ffmpeg"), "-y", "-loglevel", "error"),
            *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=30:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-shortest", str(path)),
        ],
        check=True,
    )


async def submit(page: Page, task: str, **fields: str) -> str:
    """Fill in the form of *task* and run it; gives the job's id from the address."""
    await page.goto(page.url.partition("#")[0] + f"#/tasks/{task}")
    for label, value in fields.items():
        choice = page.get_by_role("radio", name=value, exact=True)
        if await choice.count():
            await choice.check()
        else:
            await page.get_by_label(label, exact=True).fill(value)
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.get_by_test_id("job-state").wait_for()
    return page.url.rpartition("/")[2]


async def socket_after_a_cut(page: Page, sockets: asyncio.Queue[Any]) -> Any:
    """The socket that *page* opens anew, told that the network is back so that it need not wait."""
    while True:
        await page.evaluate("dispatchEvent(new Event('online'))")
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(sockets.get(), 0.25)


@pytest.mark.capability("J1", "P1", "O4", "U1", "U8", "N6", "N8", "C2", "N4")
async def test_a_film_is_converted_before_ones_eyes_and_a_second_one_is_stopped(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    make_video(site.folder.root / "files" / "film.mp4", seconds=12)
    async with visit("ann") as page:
        await expect(page.get_by_test_id("connection")).to_have_text("Live")
        await screenshot(page, "tasks")
        await submit(page, "video.transcode", Source="film.mp4", Preset="480p")
        await page.get_by_role("progressbar").wait_for()
        state = page.get_by_test_id("job-state")
        seen: list[float] = []
        printed: list[int] = []
        pictured = False
        async with asyncio.timeout(LIMIT):
            while (now := await page.evaluate(SHOWN))["state"] in ("queued", "running"):
                if now["bar"] is not None and now["bar"] not in seen[-1:]:
                    seen.append(now["bar"])
                    printed.append(now["printed"])
                    if now["bar"] > 0.4 and not pictured:
                        pictured = True
                        await screenshot(page, "job-running")
        await expect(state).to_have_attribute("data-state", "succeeded")
        await screenshot(page, "job-succeeded")

        assert len(seen) >= 3
        assert seen == sorted(seen)
        assert printed[-1] > printed[0]
        made = [*(site.folder.root / "files").glob("film*480p*.mp4")]
        assert len(made) == 1
        assert made[0].stat().st_size > 10_000

        job_id = await submit(page, "video.transcode", Source="film.mp4", Preset="1080p")
        await page.locator("progress[value]").wait_for()  # what the program itself has told
        pids = programs_of(job_id)
        assert pids
        await page.get_by_test_id("job-cancel").click()
        await expect(state).to_have_attribute("data-state", "cancelled")
        await screenshot(page, "job-cancelled")

        assert not [pid for pid in pids if is_running(pid)]
        assert not programs_of(job_id)
        await page.get_by_role("link", name="Jobs").first.click()
        states = page.get_by_test_id("jobs-list").locator("[data-state]")
        await expect(states).to_have_count(2)
        await screenshot(page, "jobs")


@pytest.mark.capability("S5", "J1")
async def test_a_refused_field_is_shown_where_it_is(
    visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("bea") as page:
        await page.goto(page.url.partition("#")[0] + "#/tasks/text.count")
        await page.get_by_label("Source").fill("no-such-file.txt")
        await page.get_by_role("button", name="Run", exact=True).click()
        await page.get_by_role("alert").first.wait_for()
        await screenshot(page, "form-refused")

        await expect(page.get_by_label("Source")).to_be_focused()
        await expect(page.get_by_label("Source")).to_have_attribute("aria-invalid", "true")
        assert "#/tasks/text.count" in page.url


@pytest.mark.capability("D2", "D7", "N3")
async def test_a_second_page_and_a_reload_see_the_same_job(visit: Any) -> None:
    async with (
        visit("cleo") as page,
        visit("cleo", viewport={"width": 360, "height": 740}) as phone,
    ):
        job_id = await submit(page, "demo.count", To="4", Interval="0.5")
        await phone.goto(phone.url.partition("#")[0] + f"#/jobs/{job_id}")
        await page.reload()
        for each in (page, phone):
            await expect(each.get_by_test_id("job-state")).to_have_attribute(
                "data-state", "succeeded"
            )
            await expect(each.get_by_test_id("job-output")).to_contain_text("1 of 4")
            await expect(each.get_by_test_id("job-output")).to_contain_text("4 of 4")


@pytest.mark.capability("D6", "D8", "J1", "N1")
async def test_a_page_that_is_cut_off_ten_times_misses_nothing(visit: Any) -> None:
    sockets: asyncio.Queue[Any] = asyncio.Queue()
    async with visit("dora", sockets=sockets) as page:
        await submit(page, "demo.count", To="80", Interval="0.1")
        output = page.get_by_test_id("job-output")
        assert sockets.qsize() == 2  # one to exchange the sign-in code, one with the token
        sockets.get_nowait()
        socket = sockets.get_nowait()
        async with asyncio.timeout(LIMIT):
            for cut in range(1, 11):
                await expect(output).to_contain_text(f"{cut * 6} of 80")
                await socket.close()
                socket = await socket_after_a_cut(page, sockets)
        await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", "succeeded")

        await expect(output).to_contain_text("80 of 80")
        text = await output.inner_text()
        assert [line for line in text.splitlines() if " of " in line] == [
            f"{number} of 80" for number in range(1, 81)
        ]


@pytest.mark.capability("N7", "X9")
async def test_a_page_says_how_much_output_was_not_kept_and_saves_a_big_result(
    site: Node, visit: Any
) -> None:
    async with visit("gus") as page, client(site, "gus") as gus:
        job = await gus.exec("probe.talkative")
        numbers = await job.result(LIMIT)
        skipped = [chunk.skipped async for chunk in job.output("stdout") if chunk.skipped]
        await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
        gap = page.locator(".output [data-gap]")
        await expect(page.get_by_test_id("job-output")).to_contain_text("300000")
        await page.get_by_test_id("job-output").focus()
        async with asyncio.timeout(LIMIT):
            while not await gap.count():
                await page.keyboard.press("PageUp")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save result.json").click()
        saved = await (await download.value).path()

        told = int("".join(filter(str.isdigit, await gap.inner_text())))
        assert told == skipped[0]
        amount = await page.get_by_text("in the middle were not kept").inner_text()
        assert int("".join(filter(str.isdigit, amount.partition("·")[2]))) == skipped[0]
        assert json.loads(saved.read_text()) == numbers == list(range(60_000))


@pytest.mark.capability("D1", "D4", "C3")
async def test_a_page_shows_nothing_of_another_users_job(site: Node, visit: Any) -> None:
    async with client(site, "eve") as eve:
        job = await eve.exec("probe.nap")
        async with visit("finn") as page:
            await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
            await expect(page.get_by_role("main")).to_contain_text("no job")
            assert await page.get_by_test_id("job-cancel").count() == 0
        assert await job.cancel(now=True) in ("stopping", "removed_from_queue")


@pytest.mark.capability("Z2", "Z3")
async def test_a_sign_in_link_works_once_and_leaves_no_trace_in_the_address(
    site: Node, browser: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    link = f"http://127.0.0.1:{site.port}/#signin={site.issue('gus', code=True)}"
    for tries in (1, 2):
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(link)
        if tries == 1:
            await page.get_by_test_id("task-list").wait_for()
            await page.reload()
            await page.get_by_test_id("task-list").wait_for()
        else:
            await page.get_by_role("alert").wait_for()
            await screenshot(page, "sign-in-refused")
        assert "signin" not in page.url
        await context.close()


@pytest.mark.capability("N29")
async def test_every_screen_fits_a_phone(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    async with (
        visit("iris", viewport={"width": 320, "height": 700}, color_scheme="dark") as page,
        client(site, "iris") as user,
    ):
        await submit(page, "demo.count", To="2", Interval="0")
        await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", "succeeded")
        job = page.url.partition("#")[2]
        steps = {"log": str(tmp_path / "log"), "count": 3, "seconds": "600"}
        batch = await user.exec("batches.steps", steps)
        await until(batch, EventType.STARTED)
        asking = await user.exec("steps.python", {"source": ASKS})
        await until(asking, EventType.QUESTION)
        waiting = await user.exec("probe.nap")
        shown = {"batch": "job-children", "question": "job-question", "waiting": "job-waiting"}
        for name, place in {
            "tasks": "/tasks",
            "form": "/tasks/video.transcode",
            "job": job,
            "batch": f"/jobs/{batch.job_id}",
            "question": f"/jobs/{asking.job_id}",
            "waiting": f"/jobs/{waiting.job_id}",
            "jobs": "/jobs",
        }.items():
            await page.goto(page.url.partition("#")[0] + f"#{place}")
            await page.locator("main h1").wait_for()
            if name in shown:
                await page.get_by_test_id(shown[name]).wait_for()
            await screenshot(page, f"phone-{name}")

            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        for each in (waiting, asking, batch):
            await each.cancel(now=True)


TELLS = """
report() { echo "$1" >> "$TASKREALM_REPORT"; }
report '{"message": "Looking for chapter marks"}'
report '{"message": "Two frames are damaged", "level": "warning", "data": {"frames": [5761, 5762]}}'
report '{"message": "<b>No sound</b> after 0:31", "level": "error"}'
report '{"progress": 0.4, "message": "page 12 of 30"}'
sleep 600
"""


@pytest.mark.capability("U9", "J1")
async def test_what_a_program_tells_is_on_the_page_of_its_job(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("teller") as page, client(site, "teller") as user:
        job = await user.exec("steps.shell", {"script": TELLS})
        await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
        told = page.get_by_test_id("job-messages")
        await expect(told.get_by_role("listitem")).to_have_count(3)
        await expect(page.get_by_role("log", name="Messages")).to_be_visible()
        await expect(page.get_by_test_id("job-progress")).to_contain_text("40 %, page 12 of 30")
        await told.get_by_text("Details").click()
        await screenshot(page, "job-messages")
        rows = await told.get_by_role("listitem").all_inner_texts()
        await page.set_viewport_size({"width": 390, "height": 844})
        await screenshot(page, "job-messages-narrow")
        await job.cancel(now=True)
        await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", "cancelled")

        assert [row.split("\n")[0] for row in rows] == ["Note", "Warning", "Error"]
        assert "<b>No sound</b> after 0:31" in rows[2]
        assert "5762" in rows[1]
        await page.reload()
        await expect(told.get_by_role("listitem")).to_have_count(3)
