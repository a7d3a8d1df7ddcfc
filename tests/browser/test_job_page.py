"""The page of a job: the whole path through it, how it is stopped, and how it is shared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.browser.test_files import picture
from tests.site import client
from tests.site.jobs import LIMIT, until

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WHOLE_PATH = "; ".join(
    [
        "from taskrealm.tasks import report",
        "report.progress(0.25, 'page 1 of 4')",
        "name = report.ask('Under which name?', schema={'type': 'string'})",
        "report.progress(1.0)",
        "report.data(pages=4)",
        """print('[{"page": 1, "title": "' + name + '"}, {"page": 2, "title": "End"}]')""",
    ]
)

STUBBORN = "trap 'echo not yet' TERM; echo ready; while :; do sleep 0.1; done"


def job_address(page: Page, job_id: str, tab: str = "") -> str:
    return f"{page.url.partition('#')[0]}#/jobs/{job_id}{tab}"


async def expect_state(page: Page, state: str) -> None:
    await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", state)


@pytest.mark.capability("J1", "N18", "N3")
async def test_from_the_form_to_a_question_a_result_and_once_more(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with (
        visit("job_ana") as page,
        visit("job_ana", viewport={"width": 390, "height": 844}, color_scheme="dark") as phone,
    ):
        await page.goto(page.url.partition("#")[0] + "#/tasks/steps.python")
        await page.get_by_label("Source").fill(WHOLE_PATH)
        await page.get_by_role("button", name="Run", exact=True).click()
        question = page.get_by_role("region", name="Under which name?")
        await question.wait_for()
        job_id = page.url.rpartition("/")[2]
        # Another device comes later, and sees the same.
        await phone.goto(job_address(phone, job_id))
        for each in (page, phone):
            await expect(each.get_by_role("progressbar")).to_have_attribute(
                "aria-valuetext", re.compile("^25 %, page 1 of 4")
            )
            await expect(each).to_have_title(re.compile("^Question"))
        await phone.get_by_label("Your answer").fill("Preface")
        await phone.get_by_role("button", name="Answer").click()
        for each in (page, phone):
            await expect_state(each, "succeeded")
            rows = each.get_by_test_id("job-result").get_by_role("row")
            await expect(rows).to_have_text(
                [re.compile(r"page\s*title"), re.compile("Preface"), re.compile("End")]
            )
            await expect(each.get_by_test_id("job-answers")).to_have_text(
                re.compile(r"Under which name\?\s*Preface\s*answered by job_ana")
            )
            await expect(each.get_by_test_id("job-data")).to_have_text(re.compile(r"pages\s*4"))
            await expect(each).to_have_title(re.compile("^Succeeded"))
            await each.get_by_role("tab", name="Events").click()
        icon = page.locator("link[rel=icon]")
        await expect(icon).to_have_attribute("href", re.compile("succeeded"))
        journals = [
            await each.get_by_test_id("job-events").locator("tbody tr").all_inner_texts()
            for each in (page, phone)
        ]
        await screenshot(page, "job-journal")
        await screenshot(phone, "phone-job-journal")
        await page.keyboard.press("ArrowLeft")
        await expect(page.get_by_role("tab", name="Attempts")).to_be_focused()
        await page.reload()
        await expect(page.get_by_role("tab", name="Attempts", selected=True)).to_be_visible()
        await page.get_by_role("button", name="Run again").click()
        await expect(page.get_by_role("region", name="Under which name?")).to_be_visible()
        again = page.url.rpartition("/")[2]
        await page.get_by_test_id("job-cancel").click()
        await expect_state(page, "cancelled")
        await page.get_by_role("link", name="Run again with changes").click()
        await expect(page.get_by_label("Source")).to_have_value(WHOLE_PATH)

        numbers = [int(re.match(r"\d+", row)[0]) for row in journals[0]]  # type: ignore[index]
        kinds = [re.search(r"[AP]M\s+(\w+)", row)[1] for row in journals[0]]  # type: ignore[index]
        assert again != job_id
        assert numbers == list(range(1, len(numbers) + 1))
        assert (kinds[0], kinds[-1]) == ("queued", "succeeded")
        assert "answered" in kinds
        assert [row.split("\t")[0] for row in journals[1]] == [
            row.split("\t")[0] for row in journals[0]
        ]


@pytest.mark.capability("N11", "N3")
async def test_a_picture_that_a_job_has_left_is_shown_without_being_asked_for(
    visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    (tmp_path / "view.png").write_bytes(picture())
    async with visit("paper_job") as page:
        await page.goto(page.url.partition("#")[0] + "#/tasks/papers.leave")
        await (
            page.locator("taskrealm-form")
            .get_by_label("Script")
            .fill('mkdir pages; cp "$1" pages/1.png')
        )
        await page.get_by_label("Source").set_input_files(tmp_path / "view.png")
        await page.get_by_role("button", name="Run", exact=True).click()
        shown = page.get_by_role("img", name="pages/1.png")
        await expect(shown).to_be_visible()
        await expect(page.get_by_test_id("job-files")).to_contain_text(re.compile("[0-9a-f]{64}"))
        await screenshot(page, "job-picture")
        await page.get_by_role("button", name="Hide pages/1.png").click()

        await expect(shown).to_have_count(0)


@pytest.mark.capability("C2", "J1")
async def test_a_job_that_does_not_stop_counts_down_and_is_killed_on_request(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("job_bo") as page, client(site, "job_bo") as user:
        job = await user.exec("steps.shell", {"script": STUBBORN})
        await page.goto(job_address(page, job.job_id))
        await expect(page.get_by_test_id("job-output")).to_contain_text("ready")
        await page.get_by_test_id("job-reason").click()
        await page.get_by_label("Reason", exact=True).fill("Wrong film")
        await page.get_by_role("button", name="Cancel with this reason").click()
        stopping = page.get_by_test_id("job-stopping")
        await expect(stopping).to_contain_text("Asked to stop by job_bo: Wrong film.")
        await expect(stopping).to_contain_text(re.compile(r"killed in \d+ s"))
        await screenshot(page, "job-stopping")
        await page.get_by_test_id("job-kill").click()
        await expect_state(page, "cancelled")

        await expect(page.get_by_role("main")).to_contain_text("Cancelled by job_bo: Wrong film.")
        assert (await until(job, EventType.CANCELLED)).data["reason"] == "Wrong film"


async def test_a_failed_job_shows_why_before_all_else(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("job_cy") as page, client(site, "job_cy") as user:
        job = await user.exec("demo.fail", {"code": 3, "message": "The disk is full"})
        await page.goto(job_address(page, job.job_id))
        failure = page.get_by_test_id("job-failure")
        await expect(failure).to_contain_text("exit code 3")
        await expect(failure.get_by_test_id("job-stderr")).to_have_text("The disk is full")
        await expect(failure.get_by_test_id("job-ran")).to_contain_text(
            "fail.py 3 'The disk is full'"
        )
        await screenshot(page, "job-failed")

        box = await failure.bounding_box()
        tabs = await page.get_by_role("tablist").bounding_box()
        assert box is not None
        assert tabs is not None
        assert box["y"] < tabs["y"]


@pytest.mark.capability("Z3", "J4")
async def test_a_shared_link_shows_its_job_and_nothing_else(
    site: Node, visit: Any, browser: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("job_dee") as page, client(site, "job_dee") as user:
        job = await user.exec("demo.count", {"to": 10_000, "interval": 0.1})
        other = await user.exec("probe.nap")
        await page.goto(job_address(page, job.job_id))
        await page.get_by_role("button", name="Share", exact=True).click()
        await page.get_by_role("button", name="Make the link").click()
        link = await page.get_by_label("The link").input_value()
        await screenshot(page, "job-share")
        own = await browser.new_context()
        guest = await own.new_page()
        asked: list[str] = []
        guest.on("request", lambda request: asked.append(request.url))
        await guest.goto(link)
        await expect_state(guest, "running")
        await expect(guest.get_by_test_id("job-output")).to_contain_text("3 of 10000")
        await expect(guest.get_by_test_id("job-cancel")).to_be_disabled()
        await expect(guest.get_by_test_id("job-why")).to_have_text("This link is for looking only.")
        await expect(guest.get_by_role("navigation")).to_have_count(0)
        await screenshot(guest, "job-shared")
        kept = await guest.evaluate("[location.hash, localStorage.length, sessionStorage.length]")
        await guest.reload()
        await expect_state(guest, "running")
        await guest.goto(job_address(guest, other.job_id))
        await expect(guest.get_by_role("main")).to_contain_text("There is no job")
        await guest.goto(guest.url.partition("#")[0] + "#/tasks")
        await expect_state(guest, "running")
        await guest.get_by_role("button", name="Leave").click()
        await expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()
        await own.close()
        for each in (job, other):
            await each.cancel(now=True)

        token = link.partition("#share=")[2]
        assert token
        assert not [url for url in asked if token in url.partition("#")[0]]
        assert kept == ["#/", 0, 1]


@pytest.mark.capability("J4")
async def test_a_shared_form_runs_its_task_and_shows_what_comes_of_it(
    site: Node, browser: Any
) -> None:
    async with client(site, "job_eli") as user:
        minted = await user.mint(tasks=["demo.count"], minutes=5)
        own = await browser.new_context()
        guest = await own.new_page()
        await guest.goto(f"http://127.0.0.1:{site.port}/#share={minted['token']}")
        await guest.get_by_label("To", exact=True).fill("2")
        await guest.get_by_label("Interval").fill("0")
        await guest.get_by_role("button", name="Run", exact=True).click()
        await expect_state(guest, "succeeded")
        await expect(guest.get_by_test_id("job-result")).to_contain_text("2")
        await expect(guest.get_by_role("navigation")).to_have_count(0)
        await guest.get_by_role("link", name="Run another one").click()
        await expect(guest.get_by_label("To", exact=True)).to_be_visible()
        await own.close()


async def test_the_children_of_a_batch_are_followed_on_its_page(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    async with visit("job_fay") as page, client(site, "job_fay") as user:
        steps = {"log": str(tmp_path / "log"), "count": 3, "seconds": "0.2"}
        batch = await user.exec("batches.steps", steps)
        await until(batch, EventType.STARTED)
        await page.goto(job_address(page, batch.job_id))
        children = page.get_by_test_id("job-children").get_by_role("listitem")
        await expect(children).to_have_count(3)
        await expect(children.locator("[data-state=succeeded]")).to_have_count(3)
        await expect(page.get_by_role("heading", name="Children 3 of 3 ended")).to_be_visible()
        await screenshot(page, "job-batch")
        await batch.result(LIMIT)
        await children.first.get_by_role("link").click()
        await expect_state(page, "succeeded")
        await page.get_by_role("link", name="a batch").click()

        await expect(children).to_have_count(3)
        assert batch.job_id in page.url
