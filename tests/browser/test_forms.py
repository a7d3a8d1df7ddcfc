"""The form of a task in the console: every kind of parameter, and what may be done with a form."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.site import client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Locator, Page
    from tests.nodes import Node

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.capability("N19"),
]

LIMIT = 60  # seconds within which a program that was copied from a form has run


async def go(page: Page, task: str, query: str = "") -> Locator:
    """Show the form of *task*."""
    await page.goto(page.url.partition("#")[0] + f"#/tasks/{task}{query}")
    form = page.get_by_test_id("task-form")
    await form.wait_for()
    return form


async def run(page: Page) -> str:
    """Press Run; gives the id of the job that there is."""
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.wait_for_url(re.compile("#/jobs/"))
    return page.url.rpartition("/")[2]


async def test_every_kind_of_parameter_reaches_the_task_as_it_was_filled_in(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("a note")
    async with (
        visit("form_ana", locale="en-GB", timezone_id="Asia/Kolkata") as page,
        client(site, "form_ana") as user,
    ):
        form = await go(page, "forms.all")
        await screenshot(page, "form-empty")
        await form.get_by_label("A line").fill("ab")
        await form.get_by_label("Story").fill("one\ntwo")
        await form.get_by_label("Quality").press("ArrowUp")
        await form.get_by_label("Ratio").fill("0.5")
        await form.get_by_role("switch", name="Loud").check()
        await form.get_by_role("radio", name="print").check()
        await form.get_by_label("Format").select_option("a5")
        country = form.get_by_role("combobox", name="Country")
        await country.fill("land")
        offered = form.get_by_role("listbox", name="Country").get_by_role("option")
        await expect(offered).to_have_text(["Finland", "Iceland"])
        await country.press("ArrowDown")
        await country.press("Enter")
        await form.get_by_role("checkbox", name="tue").check()
        await form.get_by_role("textbox", name="Day (optional)").fill("2030-01-31")
        await form.get_by_role("textbox", name="At (optional)").fill("08:30")
        await form.get_by_label("Moment").fill("2030-01-31T10:00")
        await expect(form.get_by_text("In the time of Asia/").first).to_be_visible()
        await form.get_by_label("Pause").fill("1h 30m")
        await form.get_by_label("Words").fill("here\nthere")
        for number in (1, 2):
            await form.get_by_role("button", name="Add to Numbers").click()
            await form.get_by_label(f"Numbers, {number}", exact=True).fill(str(number * 10))
        await form.get_by_role("button", name="Add to Define").click()
        define = form.get_by_role("group", name="Define")
        await define.get_by_label("Name").fill("a")
        await define.get_by_label("Value").fill("7")
        await form.get_by_label("Width").fill("800")
        await form.get_by_role("radio", name="Circle").check()
        await form.get_by_label("Radius").fill("2.5")
        await form.get_by_role("button", name="Add to Boxes").click()
        boxes = form.get_by_role("group", name="Boxes, 1")
        await boxes.get_by_label("Width").fill("5")
        await form.get_by_label("Photo").set_input_files(tmp_path / "note.txt")
        await expect(form.get_by_text("✓ note.txt, 6 bytes")).to_be_visible()
        await form.get_by_label("Password").fill("hunter2")
        await form.get_by_label("Anything").fill('{"deep": [1]}')
        await screenshot(page, "form-filled")
        result = await user.job(await run(page)).result(LIMIT)

    assert isinstance(result, dict)
    assert datetime.fromisoformat(result.pop("moment")) == datetime.fromisoformat(
        "2030-01-31T10:00+05:30"
    )
    assert result == {
        "line": "ab",
        "story": "one\ntwo",
        "quality": 24,
        "ratio": 0.5,
        "loud": True,
        "preset": "print",
        "format": "a5",
        "country": "Iceland",
        "region": "north",
        "town": None,
        "days": ["tue"],
        "day": "2030-01-31",
        "at": "08:30:00",
        "pause": 5400.0,
        "words": ["here", "there"],
        "numbers": [10, 20],
        "define": {"a": 7},
        "size": {"width": 800, "height": 480},
        "shape": {"kind": "circle", "radius": 2.5},
        "boxes": [{"width": 5, "height": 480}],
        "server": None,
        "photo": "a note",
        "more": [],
        "password": 7,
        "anything": {"deep": [1]},
    }


async def test_what_is_wrong_is_told_where_it_is_and_what_was_typed_stays(
    visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("form_ben") as page:
        form = await go(page, "forms.all")
        await form.get_by_label("Quality").fill("99")
        await form.get_by_label("A line").focus()
        await expect(form.locator(".field .error")).to_have_text("This must be at most 51")
        await form.get_by_label("Quality").fill("9")
        await expect(form.locator(".field .error")).to_have_count(0)
        await form.get_by_role("button", name="Run", exact=True).click()
        await expect(form.get_by_label("A line")).to_be_focused()
        await form.get_by_label("A line").fill("ab")

        # The browser cannot know that there is no such file, nor what other fields hold.
        await form.get_by_label("Server").fill("nowhere.txt")
        await form.get_by_label("Password").fill("hunter2")
        await form.get_by_role("button", name="Add to Boxes").click()
        await form.get_by_label("Width").nth(1).fill("5000")
        await form.get_by_role("button", name="Run", exact=True).click()
        summary = form.get_by_role("alert")
        await expect(summary).to_contain_text("One field needs a change.")
        await expect(form.get_by_label("Width").nth(1)).to_be_focused()
        await form.get_by_label("Width").nth(1).fill("50")
        await form.get_by_role("button", name="Run", exact=True).click()
        await expect(form.get_by_label("Server")).to_be_focused()
        await expect(form.get_by_label("Server")).to_have_attribute("aria-invalid", "true")
        await screenshot(page, "form-wrong")
        await form.get_by_label("A line").focus()
        await summary.get_by_role("link", name="Server").click()
        await expect(form.get_by_label("Server")).to_be_focused()

        await page.reload()
        await expect(form.get_by_label("Server")).to_have_value("nowhere.txt")
        await expect(form.get_by_label("Width").nth(1)).to_have_value("50")
        await expect(form.get_by_label("Password")).to_have_value("")


async def test_choices_that_depend_on_another_field_are_asked_for_again(
    site: Node, visit: Any
) -> None:
    async with visit("form_cyd") as page, client(site, "form_cyd") as user:
        form = await go(page, "forms.all")
        town = form.get_by_label("Town")
        await expect(town.get_by_role("option")).to_have_text(["none", "Bergen", "Oslo"])
        await town.select_option("Oslo")
        await form.get_by_role("radio", name="south").check()
        await expect(town.get_by_role("option")).to_have_text(["none", "Bari", "Naples", "Palermo"])
        await expect(town).to_have_value("")
        await town.select_option("Naples")
        await form.get_by_label("A line").fill("ab")
        result = await user.job(await run(page)).result(LIMIT)

    assert isinstance(result, dict)
    assert (result["region"], result["town"]) == ("south", "naples")


@pytest.mark.capability("N20", "N21")
async def test_a_job_is_checked_run_and_run_again_with_a_change_by_the_keyboard_alone(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("form_dee") as page, client(site, "form_dee") as user:
        form = await go(page, "forms.greet")
        await form.get_by_label("Words").focus()
        await page.keyboard.type("it's me; $HOME")
        await press_until(page, "Tab", "Options")
        await page.keyboard.press("Enter")
        await press_until(page, "Tab", "Priority")
        await page.keyboard.press("ArrowUp")
        await press_until(page, "Tab", "Check only")
        await page.keyboard.press("Enter")
        preview = page.get_by_role("status", name="Command that will run")
        await expect(preview).to_contain_text("'it'\\''s me; $HOME' 1")
        await expect(preview).to_contain_text("It would")
        await screenshot(page, "form-checked")
        await press_until(page, "Shift+Tab", "Run")
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("#/jobs/"))
        first = user.job(page.url.rpartition("/")[2])
        assert await first.result(LIMIT) == "it's me; $HOME\n1"
        assert (await first.snapshot())["priority"] == 1

        recent = page.get_by_test_id("task-arguments")
        await go(page, "forms.greet")
        await recent.locator(".recent").get_by_role("link").press("Enter")
        await expect(form.get_by_label("Words")).to_have_value("it's me; $HOME")
        await recent.get_by_label("Name to save as").focus()
        await page.keyboard.type("Mine")
        await page.keyboard.press("Enter")
        await expect(recent.get_by_role("link", name="★ Mine")).to_be_visible()
        await form.get_by_label("Times").focus()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_url(re.compile("#/jobs/"))
        second = user.job(page.url.rpartition("/")[2])
        assert await second.result(LIMIT) == "it's me; $HOME\n2"

        await go(page, "forms.greet")
        await expect(form.get_by_label("Words")).to_have_value("")
        await recent.get_by_role("link", name="★ Mine").press("Enter")
        await expect(form.get_by_label("Words")).to_have_value("it's me; $HOME")
        await screenshot(page, "form-saved")
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.emulate_media(color_scheme="dark")
        await screenshot(page, "form-phone-dark")


async def press_until(page: Page, key: str, name: str) -> None:
    """Press *key* until the control called *name* has the focus."""
    for _ in range(30):
        await page.keyboard.press(key)
        named = await page.evaluate(
            """() => {
              let found = document.activeElement
              while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement
              return (found?.labels?.[0] ?? found)?.textContent ?? ""
            }"""
        )
        if named.strip().startswith(name):
            return
    raise AssertionError(f"{key} does not lead to {name}")


async def test_what_a_form_has_is_copied_as_text_that_runs_elsewhere(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    words = 'it\'s "quoted" $HOME `id`\\n é\n'
    (tmp_path / "password.txt").write_text("hunter2")
    environment = {**os.environ, "TASKREALM_TOKEN": site.issue("form_eve")}
    environment["PATH"] = f"{os.path.dirname(sys.executable)}:{environment['PATH']}"

    async def ran(text: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", text),
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), LIMIT)
        return printed.decode()

    async with (
        visit("form_eve", permissions=["clipboard-read", "clipboard-write"]) as page,
        client(site, "form_eve") as user,
    ):
        args = json.dumps({"words": words, "times": 2, "password": "of the link"})
        form = await go(page, "forms.greet", f"?args={json_query(args)}")
        await expect(form.get_by_label("Words")).to_have_value(words)
        await expect(form.get_by_label("Password")).to_have_value("")
        await form.get_by_label("Password").fill("hunter2")
        await form.get_by_text("Options").click()
        await form.get_by_label("Tags").fill("copied")

        async def copied(name: str) -> str:
            await page.get_by_role("button", name="Copy as").click()
            await page.get_by_role("menuitem", name=name).click()
            await expect(page.get_by_text(f"Copied: {name}")).to_be_visible()
            text: str = await page.evaluate("navigator.clipboard.readText()")
            assert "hunter2" not in text
            return text

        await page.get_by_role("button", name="Copy as").click()
        await screenshot(page, "form-copy")
        await page.keyboard.press("Escape")
        answer = json.loads(await ran(await copied("curl")))
        assert await user.job(answer["job_id"]).result(LIMIT) == f"{words}\n2"
        assert (await user.job(answer["job_id"]).snapshot())["tags"] == ["copied"]
        assert await ran(await copied("Command line")) == f"{words}\n2\n"
        assert await ran(f"python - <<'END'\n{await copied('Python')}END") == f"{words}\n2\n"
        assert '"tags"' in await copied("JavaScript")
        link = await copied("Link to this form")
        await page.goto("about:blank")
        await page.goto(link)
        await expect(form.get_by_label("Times")).to_have_value("2")
        await expect(form.get_by_label("Words")).to_have_value(words)


def json_query(text: str) -> str:
    """*text* as a part of an address."""
    return "".join(f"%{byte:02X}" for byte in text.encode())
