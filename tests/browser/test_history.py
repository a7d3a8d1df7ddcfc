"""Jobs of the past are found and acted on, the queue is seen and steered, schedules are too."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.site import client
from tests.site.jobs import end_of, occupy_slots

from taskrealm.client import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PRINTS = "printf '%s%s\\n' find able"
PHONE = {"viewport": {"width": 360, "height": 740}}


async def show(page: Page, hash: str) -> None:
    await page.goto(page.url.partition("#")[0] + hash)


async def find(page: Page, typed: str) -> None:
    box = page.get_by_role("searchbox", name="Find jobs")
    await box.fill(typed)
    await box.press("Enter")


def rows(page: Page) -> Any:
    return page.get_by_test_id("jobs-list").get_by_role("listitem")


async def saved(page: Page, button: str) -> str:
    """What is in the file that a button gives."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name=button, exact=True).click()
    return Path(await (await download.value).path()).read_text()


@pytest.mark.capability("N22")
async def test_jobs_are_found_by_what_they_are_and_what_they_printed(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with client(site, "finder_fay") as fay, visit("finder_fay") as page:
        old = await fay.exec("probe.shell", [PRINTS], tags=["nightly"])
        await end_of(old)
        for number in range(3):
            await end_of(await fay.exec("date", {"format": f"=number {number}"}))
        await end_of(await fay.exec("demo.fail", [3, "The disk is full"], tags=["nightly"]))
        await show(page, "#/jobs")
        await expect(rows(page)).to_have_count(5)
        await expect(page.get_by_role("button", name="Succeeded 4")).to_be_visible()
        await screenshot(page, "jobs-light")

        await page.get_by_role("button", name="Failed 1").click()
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_contain_text("The program ended with exit code 3")
        await expect(page.get_by_role("searchbox")).to_have_value("state:failed")
        await page.reload()
        await expect(rows(page)).to_have_count(1)

        await find(page, "tag:nightly findable")
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_have_attribute("data-job", old.job_id)
        await expect(page.get_by_text("Searched back to")).to_be_visible()
        await page.get_by_role("button", name="Save this search").click()
        await page.get_by_label("Name of this search").fill("Mine")
        await page.keyboard.press("Enter")
        await find(page, "colour:red state:asleep")
        await expect(page.get_by_role("alert")).to_contain_text("There is no filter colour")
        await expect(page.get_by_role("alert")).to_contain_text("asleep is no state")
        await screenshot(page, "jobs-refused")
        await page.get_by_role("button", name="Clear").click()
        await page.get_by_text("Filters", exact=True).click()
        await page.get_by_role("combobox", name="Task").select_option("date")
        await expect(rows(page)).to_have_count(3)
        await expect(page.get_by_role("searchbox")).to_have_value("task:date")
        await screenshot(page, "jobs-filters")

        table = list(csv.DictReader(io.StringIO(await saved(page, "CSV"))))
        listed = json.loads(await saved(page, "JSON"))
        assert [each["task"] for each in table] == ["date"] * 3
        assert [each["job_id"] for each in table] == [each["job_id"] for each in listed]
        await page.get_by_role("button", name="★ Mine").click()
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_have_attribute("data-job", old.job_id)


@pytest.mark.capability("N22")
async def test_rows_stay_under_the_pointer_and_many_are_stopped_and_run_again(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with (
        visit("finder_gus", color_scheme="dark") as page,
        visit("finder_gus", **PHONE, has_touch=True) as phone,
        client(site, "finder_gus") as gus,
    ):
        slots = await occupy_slots(gus)
        first = await gus.exec_many([Request("probe.nap", [number]) for number in range(3)])
        await show(page, "#/jobs")
        await show(phone, "#/jobs")
        await expect(rows(page)).to_have_count(5)
        await expect(rows(page).first).to_contain_text("place 3 · 2 of 2 slots are in use")
        await rows(page).first.hover()
        more = await gus.exec_many([Request("date")] * 2)
        await expect(page.get_by_test_id("jobs-new")).to_have_text("↑ 2 new jobs")
        await expect(rows(page)).to_have_count(5)
        await expect(rows(phone)).to_have_count(7)
        await screenshot(page, "jobs-new-dark")
        await screenshot(phone, "jobs-phone")
        await page.get_by_test_id("jobs-new").click()
        await expect(rows(page)).to_have_count(7)

        # By the keyboard alone: from the third row on, three of them.
        await rows(page).nth(2).get_by_role("link").focus()
        for key in ("Shift+ArrowDown", "Shift+ArrowDown"):
            await page.keyboard.press(key)
        await expect(page.get_by_role("toolbar", name="3 jobs selected")).to_be_visible()
        await screenshot(page, "jobs-selected-dark")
        await page.get_by_role("button", name="Cancel 3 jobs").click()
        await page.get_by_label("Reason").fill("not needed")
        await page.get_by_role("button", name="Yes, cancel").click()
        await expect(page.get_by_text("3 jobs cancelled.")).to_be_visible()
        for each in first:
            assert (await each.snapshot())["reason"] == "not needed"
            row = phone.get_by_test_id("jobs-list").locator(f'[data-job="{each.job_id}"]')
            await expect(row.get_by_test_id("state")).to_have_text("Cancelled")

        for each in slots:
            await each.cancel(now=True)
        for each in more:
            await end_of(each)
        await find(page, "task:date")
        await expect(rows(page)).to_have_count(2)
        for box in await rows(page).get_by_role("checkbox").all():
            await box.check()
        await page.get_by_role("button", name="Run 2 jobs again").click()
        await expect(page.get_by_text("2 jobs run again.")).to_be_visible()
        await expect(rows(phone)).to_have_count(9)
        assert len([each async for each in gus.jobs(task="date")]) == 4


@contextlib.asynccontextmanager
async def going_on(site: Node) -> AsyncIterator[None]:
    """Lets the node start jobs again, whatever happens."""
    try:
        yield
    finally:
        async with client(site, "queue_root", "operator") as root:
            await root.resume()


@pytest.mark.capability("N22", "C3")
async def test_the_queue_shows_its_order_and_operators_steer_it_and_the_schedules(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with (
        going_on(site),
        visit("queue_hal") as page,
        visit("queue_root", "operator") as root,
        client(site, "queue_hal") as hal,
    ):
        slots = await occupy_slots(hal)
        last, first = await hal.exec_many(
            [Request("date"), Request("probe.nap", [0.1], priority=5)]
        )
        later = await hal.exec("date", delay=3_000)
        await show(page, "#/queue")
        await show(root, "#/queue")
        for each in (page, root):
            line = each.get_by_test_id("queue-line").locator("tbody tr")
            await expect(line).to_have_count(2)
            await expect(line.first).to_have_attribute("data-job", first.job_id)
            await expect(line.nth(1)).to_have_attribute("data-job", last.job_id)
            await expect(line.first).to_contain_text("2 of 2 slots are in use")
            await expect(each.get_by_test_id("queue-later")).to_contain_text("Its time comes at")
        await expect(root.get_by_test_id("lane").first).to_contain_text("2 of 2 in use")
        await screenshot(page, "queue")
        await screenshot(root, "queue-operator")
        await root.emulate_media(color_scheme="dark")
        await root.set_viewport_size(PHONE["viewport"])
        await screenshot(root, "queue-phone-dark")
        await root.set_viewport_size({"width": 1280, "height": 720})

        await root.get_by_role("button", name="Pause").click()
        for each in (page, root):
            await expect(each.get_by_text("The queue is paused: jobs are taken")).to_be_visible()
        for each in slots:
            await each.cancel(now=True)
        await expect(root.get_by_test_id("lane").first).to_contain_text("0 of 2 in use")
        await expect(page.get_by_test_id("queue-line").locator("tbody tr")).to_have_count(2)
        await root.get_by_role("button", name="Resume").click()
        await end_of(last)
        await expect(page.get_by_text("Nothing waits.")).to_be_visible()
        await page.get_by_role("button", name="Cancel").click()
        assert (await end_of(later)).type == "cancelled"

        await show(root, "#/schedules")
        schedule = root.get_by_test_id("schedules").locator('[data-schedule="timing.yearly"]')
        await expect(schedule).to_contain_text("0 0 1 1 *")
        await root.get_by_role("button", name="Pause timing.yearly").click()
        await expect(schedule).to_contain_text("Paused")
        await root.get_by_role("button", name="Resume timing.yearly").click()
        await root.get_by_role("button", name="Run now: timing.yearly").click()
        await expect(schedule).to_contain_text("see the job")
        await expect(schedule.get_by_test_id("state")).to_have_text("Succeeded")
        await screenshot(root, "schedules-dark")
        await root.emulate_media(color_scheme="light")
        await screenshot(root, "schedules")
