"""Questions of a running job in the console: shown as a form by their schema, answered, and gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.site import client
from tests.site.jobs import LIMIT, until

from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.capability("N18"),
]

ASKS = """
from taskrealm.tasks import report
print(report.ask("Overwrite <b>214</b> rows?", default=False, timeout=3600))
print(report.ask("Which file?", choices=["a.csv", "b.csv"]))
print(report.ask("Under which name?", schema={"type": "string", "pattern": "^[a-z]+$"}))
print(report.ask("How many?", schema={"type": "integer", "minimum": 1, "title": "Rows"}))
report.data(rows=214)
"""


async def test_a_question_is_a_form_at_the_top_of_its_job(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("asked") as page, client(site, "asked") as user:
        job = await user.exec("steps.python", {"source": ASKS})
        await until(job, EventType.QUESTION)
        await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
        asked = page.get_by_test_id("job-question")
        rows = page.get_by_role("region", name="Overwrite <b>214</b> rows?")
        await expect(rows).to_contain_text(re.compile("Without an answer until .*: No"))
        await expect(page).to_have_title(re.compile("^Question · "))
        await screenshot(page, "job-question")
        await rows.get_by_role("button", name="Yes").click()

        which = page.get_by_role("region", name="Which file?")
        await which.get_by_role("button", name="Answer").click()
        await expect(which).to_contain_text("Fill this in")
        await which.get_by_role("radio", name="b.csv").check()
        await which.get_by_role("button", name="Answer").click()

        name = page.get_by_role("region", name="Under which name?")
        await name.get_by_label("Your answer").fill("Ana")
        await name.get_by_label("Your answer").press("Enter")
        await expect(name).to_contain_text("must fit the pattern")
        await page.set_viewport_size({"width": 390, "height": 844})
        await screenshot(page, "job-question-narrow")
        await name.get_by_label("Your answer").fill("ana")
        await name.get_by_label("Your answer").press("Enter")

        many = page.get_by_role("region", name="How many?")
        await many.get_by_label("Rows").fill("0")
        await many.get_by_role("button", name="Answer").click()
        await expect(many).to_contain_text("This must be at least 1")
        await many.get_by_label("Rows").fill("7")
        await many.get_by_role("button", name="Answer").click()

        assert await job.result(LIMIT) == "True\nb.csv\nana\n7"
        await expect(asked).to_have_count(0)
        await expect(page.get_by_test_id("job-data")).to_have_text(re.compile(r"rows\s*214"))


async def test_a_question_leaves_the_page_when_somebody_else_has_answered(
    site: Node, visit: Any
) -> None:
    async with visit("asked_twice") as page, client(site, "asked_twice") as user:
        job = await user.exec("steps.python", {"source": ASKS})
        await page.goto(page.url.partition("#")[0] + f"#/jobs/{job.job_id}")
        await expect(page.get_by_test_id("job-question")).to_contain_text("Overwrite")
        question = await until(job, EventType.QUESTION)
        await job.answer(question.data["question"], False)

        await expect(page.get_by_test_id("job-question")).to_contain_text("Which file?")
        await job.cancel()
        await expect(page.get_by_test_id("job-question")).to_have_count(0)
