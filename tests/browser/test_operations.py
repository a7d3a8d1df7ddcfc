"""What operators see of a node, and everybody of their own account, in a real Chromium."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.browser.axe import violations
from tests.plain import WebSocket
from tests.site import client
from tests.site.jobs import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

OPERATOR_SCREENS = ("health", "access", "audit")


async def go(page: Page, place: str) -> None:
    """Open *place* of the console that *page* shows."""
    await page.goto(page.url.partition("#")[0] + f"#/{place}")


async def picture(page: Page, name: str, screenshot: Callable[[Page, str], Any]) -> None:
    """Keep a picture of the screen, from its top."""
    await page.evaluate("scrollTo(0, 0)")
    await screenshot(page, name)


async def sound(page: Page) -> None:
    """Make sure that the screen has no fault that axe knows of, and fits its window."""
    wrong = await violations(page)
    assert not wrong, "\n".join(wrong)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.capability("I5", "N22", "J1")
async def test_an_operator_sees_how_the_node_is(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with client(site, "ops_runner") as runner:
        for seconds in (0.0, 0.1, 0.3):
            await (await runner.exec("probe.nap", {"seconds": seconds})).result(LIMIT)
        failing = await runner.exec("probe.script", {"code": "raise SystemExit(3)"})
        [event async for event in failing]
    async with visit("ops_root", "operator") as page:
        await go(page, "health?task=probe.nap")
        await expect(page.get_by_test_id("verdict")).to_have_text("The node is well")
        slots = page.get_by_role("figure").filter(has_text="Slots in use")
        await expect(slots.get_by_role("img")).to_have_attribute(
            "aria-label", re.compile(r"In use: now \d+, at most \d+")
        )
        tasks = page.get_by_test_id("health-tasks")
        row = tasks.locator('tr[data-task="probe.script"]')
        await expect(row.get_by_test_id("state")).to_have_text("Failed")
        lasted = page.get_by_role("figure").filter(has_text="How long jobs of")
        await lasted.get_by_text("As a table").click()
        told = await lasted.get_by_role("cell").all_inner_texts()
        await lasted.get_by_text("As a table").click()
        await slots.get_by_role("img").focus()
        await page.keyboard.press("Home")
        await expect(slots.locator(".plot-moment")).not_to_have_text("now")
        await page.keyboard.press("Tab")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await picture(page, f"health-{scheme}", screenshot)
            await sound(page)
        await page.set_viewport_size({"width": 390, "height": 844})
        await picture(page, "phone-health", screenshot)
        await sound(page)
        await page.get_by_text("Week", exact=True).click()
        await page.get_by_role("button", name="Reload tasks").click()
        await expect(page.get_by_role("main")).to_contain_text("0 added, 0 changed, 0 removed")
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Copy diagnostics").click()
        await expect(page.get_by_role("main")).to_contain_text("Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        await page.set_viewport_size({"width": 1280, "height": 900})
        await go(page, "tasks/probe.nap")
        await page.get_by_text("How its jobs went").click()
        await page.get_by_role("figure").filter(has_text="How long jobs of").wait_for()
        await picture(page, "task-plots", screenshot)
        await sound(page)

    assert sum(map(int, told)) >= 3
    diagnostics = json.loads(copied)
    assert diagnostics["reload"]["by"] == "ops_root"
    assert diagnostics["statistics"]["slots"] > 0
    assert "tr_" not in copied


@pytest.mark.capability("I5", "N26", "Z8")
async def test_an_operator_ends_a_session_revokes_a_token_and_finds_both_in_the_log(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("ops_guest") as guest, visit("ops_boss", "operator") as page:
        await go(page, "access")
        people = page.get_by_test_id("access-people")
        row = people.locator('tr[data-user="ops_guest"]')
        await row.get_by_role("link", name="Rights of ops_guest").click()
        rights = page.get_by_test_id("access-rights")
        await expect(rights.locator('tr[data-task="date"]')).to_contain_text("rule 1")
        await expect(rights.locator('tr[data-task="probe.operators"]')).to_contain_text("no")
        await picture(page, "access-rights", screenshot)
        await sound(page)
        await go(page, "access")
        await page.get_by_role("searchbox", name="Find a name").fill("ops_")
        await picture(page, "access-people", screenshot)
        await sound(page)
        await row.get_by_role("link", name="sessions of ops_guest").click()
        sessions = page.get_by_test_id("access-sessions")
        await expect(sessions.get_by_role("row")).to_have_count(2)
        await picture(page, "access-sessions", screenshot)
        await page.get_by_role("link", name="Tokens", exact=True).click()
        tokens = page.get_by_test_id("access-tokens")
        token = tokens.locator("tbody tr").first
        shown = await token.get_attribute("data-token")
        await picture(page, "access-tokens", screenshot)
        await sound(page)
        await token.get_by_role("button", name="Revoke the token").click()
        await expect(token.get_by_role("button", name="No")).to_be_focused()
        await token.get_by_role("button", name="Yes, do it").click()
        # Whose token it was is signed out, without doing anything.
        await expect(guest.get_by_role("alert")).to_contain_text("not accepted")
        await expect(page.get_by_role("main")).to_contain_text("1 token is no longer valid")

        await go(page, "audit?action=admin.revoke&actor=ops_boss")
        records = page.get_by_test_id("audit-records")
        await expect(records.get_by_role("row")).to_have_count(2)
        await expect(records).to_contain_text(shown or "no token")
        await page.get_by_role("link", name="Clear").click()
        await expect(records.get_by_role("row").nth(5)).to_be_visible()
        await picture(page, "audit", screenshot)
        await sound(page)
        await page.set_viewport_size({"width": 390, "height": 844})
        await picture(page, "phone-audit", screenshot)
        await sound(page)
        await go(page, "access")
        await picture(page, "phone-access", screenshot)
        await go(page, "audit?actor=ops_boss&outcome=ok")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Export CSV").click()
        saved = await (await download.value).path()
        rows = [*csv.DictReader(saved.read_text().splitlines())]

    assert {each["actor"] for each in rows} == {"ops_boss"}
    assert {"admin.revoke", "read"} <= {each["action"] for each in rows}


@pytest.mark.capability("N24", "I5")
async def test_people_make_and_revoke_tokens_and_end_their_other_sessions(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("ops_ana") as other, visit("ops_ana", color_scheme="dark") as page:
        await go(page, "account")
        sessions = page.get_by_test_id("own-sessions")
        await expect(sessions.get_by_role("row")).to_have_count(3)
        await page.get_by_text("Make a token").click()
        await page.get_by_label("These tasks only").check()
        await page.get_by_role("button", name="Make", exact=True).click()
        await expect(page.get_by_role("alert")).to_have_text("Choose at least one task.")
        await page.get_by_label("Count slowly").check()
        await picture(page, "account-dark", screenshot)
        await sound(page)
        await page.get_by_role("button", name="Make", exact=True).click()
        token = await page.get_by_test_id("minted").locator("code").inner_text()
        await picture(page, "account-minted", screenshot)
        async with await WebSocket.connect(site.port) as program:
            await program.join(token)
            known = [each["name"] for each in await program.call("taskrealm.tasks")]
            await page.get_by_role("button", name="Done").click()
            kept = (
                page.get_by_test_id("own-tokens").get_by_role("row").filter(has_text="demo.count")
            )
            await kept.get_by_role("button", name="Revoke the token").click()
            await kept.get_by_role("button", name="Yes, do it").click()
            await expect(kept).to_have_count(0)
            assert (await program.until_closed())[-1][0] == 6
        await sessions.get_by_role("button", name="Sign out the session from").first.click()
        await sessions.get_by_role("button", name="Yes, do it").click()
        await expect(other.get_by_role("alert")).to_contain_text("not accepted")
        await expect(sessions.get_by_role("row")).to_have_count(2)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.get_by_role("main").get_by_text("Light", exact=True).click()
        await expect(page.locator("html")).to_have_attribute("data-appearance", "light")
        await picture(page, "phone-account", screenshot)
        await sound(page)

    assert known == ["demo.count"]


@pytest.mark.capability("Z8", "D4")
async def test_users_have_no_way_to_the_screens_of_operators(visit: Any) -> None:
    async with visit("ops_user") as page:
        links = await page.get_by_role("link").all_inner_texts()
        for screen in OPERATOR_SCREENS:
            await go(page, screen)
            await expect(page.get_by_role("main")).to_contain_text(
                re.compile("only operators|may not|not authorized", re.IGNORECASE)
            )
            assert await page.get_by_role("table").count() == 0

    assert not {"Health", "People and access", "Audit"} & {each.strip() for each in links}
