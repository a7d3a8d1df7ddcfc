"""What stands around the screens: ways to get about, what is remembered, what is said in need."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Locator, Page, Response, Route, WebSocketRoute
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FIRST_PAINT = 150_000  # bytes, gzipped, until the tasks are there
MOST_TABS = 60  # presses of the tab key that any way may take

IS_FOCUSED = "each => each.getRootNode().activeElement === each"
IS_IN_SIGHT = """each => {
  const {left, top, width, height} = each.getBoundingClientRect()
  const root = each.getRootNode()
  const found = root.elementFromPoint(left + width / 2, top + height / 2)
  return each === found || each.contains(found)
}"""

SMALL = """() => [...document.querySelectorAll("nav.tabs > *, .top button")]
  .filter(each => each.checkVisibility())
  .map(each => [each.textContent.trim(), each.getBoundingClientRect()])
  .filter(([, {width, height}]) => width > 0 && Math.min(width, height) < 44)
  .map(([text]) => text)"""
"""Controls that are too small for a finger."""


async def tab_to(page: Page, target: Locator) -> None:
    """Press the tab key until *target* has the focus, which then must not be hidden."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if await target.count() == 1 and await target.evaluate(IS_FOCUSED):
            assert await target.evaluate(IS_IN_SIGHT)
            return
    raise AssertionError(f"{target} cannot be reached by the tab key")


@pytest.mark.capability("N29", "J1")
async def test_by_keyboard_alone_one_signs_in_and_finds_runs_and_cancels_a_job(
    site: Node, browser: Any
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{site.port}/")
    await expect(page).to_have_title("Sign in · TaskRealm")
    await tab_to(page, page.get_by_label("Token"))
    await page.keyboard.type(site.issue("kim"))
    await page.keyboard.press("Enter")
    await page.get_by_test_id("task-list").wait_for()
    await expect(page).to_have_title("Tasks · TaskRealm")

    await page.keyboard.press("/")
    await expect(page.get_by_role("combobox", name="Find anything")).to_be_focused()
    await page.keyboard.type("cou slow")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Count slowly")).to_be_focused()
    await expect(page).to_have_title("Count slowly · TaskRealm")
    await tab_to(page, page.get_by_label("To", exact=False).first)
    await page.keyboard.press("Control+A")
    await page.keyboard.type("500")
    await tab_to(page, page.get_by_role("button", name="Run", exact=True))
    await page.keyboard.press("Enter")
    state = page.get_by_test_id("job-state")
    await expect(state).to_have_attribute("data-state", "running")
    await expect(page.get_by_test_id("running-count").first).to_contain_text("1")
    await tab_to(page, page.get_by_test_id("job-cancel"))
    await page.keyboard.press("Enter")
    await expect(state).to_have_attribute("data-state", "cancelled")
    await expect(page.get_by_test_id("running-count")).to_have_count(0)

    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_focused()
    await expect(page).to_have_title("Tasks · TaskRealm")
    await expect(page.locator("[data-task='demo.count']")).to_contain_text("Cancelled")
    await context.close()


@pytest.mark.capability("N29")
async def test_what_somebody_chooses_is_remembered_and_for_them_alone(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async with visit("lea") as page:
        await page.get_by_role("button", name="Do not show this again").click()
        await page.get_by_role("button", name="Favourite: Count slowly").click()
        await page.get_by_role("radio", name="Rows").check()
        await page.get_by_role("button", name="Account menu of lea").click()
        await page.get_by_role("radio", name="Dark").check()
        await page.get_by_role("button", name="Keyboard shortcuts").click()
        await page.get_by_role("checkbox", name="Shortcuts of single keys are on").uncheck()
        await screenshot(page, "shortcuts-dark")
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await page.keyboard.press("Control+K")
        await expect(page.get_by_role("dialog", name="Find anything")).to_be_visible()
        await page.reload()
        painted = await page.evaluate("document.documentElement.dataset.appearance")
        await page.get_by_test_id("task-list").wait_for()
        first = page.get_by_test_id("task-list").get_by_role("region").first
        await expect(first.get_by_role("heading")).to_contain_text("Favourites")
        await expect(first.get_by_role("link")).to_have_text("Count slowly")
        await expect(page.get_by_role("radio", name="Rows")).to_be_checked()
        await screenshot(page, "tasks-rows-dark")

        assert painted == "dark"
        assert await page.get_by_text("See what makes this different").count() == 0
        await page.get_by_role("button", name="Account menu of lea").click()
        await page.get_by_role("button", name="Sign out").click()
        code = site.issue("mia", "user", code=True)
        await page.goto(f"{page.url.partition('#')[0]}#signin={code}")
        await page.get_by_text("See what makes this different").wait_for()
        await expect(page.get_by_role("radio", name="Cards")).to_be_checked()
        assert await page.evaluate("document.documentElement.dataset.appearance ?? null") is None


@pytest.mark.capability("N29")
async def test_a_search_narrows_the_tasks_and_says_when_there_is_none(visit: Any) -> None:
    async with visit("noa") as page:
        search = page.get_by_role("searchbox", name="Search tasks")
        tasks = page.get_by_test_id("task-list").get_by_role("listitem")
        await search.fill("count SLOW")
        await expect(tasks).to_have_count(1)
        await search.fill("no such thing")
        await expect(tasks).to_have_count(0)
        await page.get_by_text("No task matches “no such thing”").wait_for()
        await page.get_by_role("button", name="Show all tasks").click()
        await expect(search).to_be_focused()
        assert await tasks.count() > 5
        await search.fill("files.report")
        await page.get_by_role("button", name=re.compile("^Run .* now$")).click()
        await page.get_by_test_id("job-state").wait_for()


@pytest.mark.capability("N1")
async def test_a_screen_whose_code_does_not_come_says_so_and_how_to_go_on(
    visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    async def refuse(route: Route) -> None:
        await route.abort()

    async with visit("otis") as page:
        await page.route("**/assets/queue*.js", refuse)
        await page.get_by_role("link", name="Queue").click()
        await expect(
            page.get_by_role("heading", name="This page could not be loaded")
        ).to_be_focused()
        await screenshot(page, "not-loaded")
        await page.unroute("**/assets/queue*.js", refuse)
        await page.get_by_role("button", name="Reload").click()

        await expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()


@pytest.mark.capability("N1", "D8")
async def test_a_page_that_is_cut_off_says_when_it_tries_again_and_may_be_told_to(
    visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    is_cut = True

    async def meet(socket: WebSocketRoute) -> None:
        if is_cut:
            await socket.close()
        else:
            socket.connect_to_server()

    async def refuse(route: Route) -> None:
        if is_cut:
            await route.abort()
        else:
            await route.continue_()

    sockets: asyncio.Queue[Any] = asyncio.Queue()
    async with visit("pia", sockets=sockets) as page:
        pill = page.get_by_test_id("connection")
        await expect(pill).to_have_text("Live")
        await page.context.route_web_socket("**/ws", meet)
        await page.context.route("**/api/**", refuse)
        while not sockets.empty():
            await sockets.get_nowait().close()
        await expect(pill).to_have_text(re.compile(r"Offline, retry in \d+ s"))
        await page.get_by_text("No connection to the server").wait_for()
        await screenshot(page, "offline")
        is_cut = False
        await page.get_by_role("button", name="Try now").click()
        await expect(pill).to_have_text("Live")
        await expect(page.get_by_text("No connection to the server")).to_have_count(0)


@pytest.mark.capability("N29")
async def test_the_tasks_are_there_after_few_bytes(site: Node, browser: Any) -> None:
    answers: list[Response] = []
    page = await browser.new_page()
    page.on("response", lambda answer: answers.append(answer))
    await page.goto(f"http://127.0.0.1:{site.port}/#signin={site.issue('quin', code=True)}")
    await page.get_by_test_id("task-list").wait_for()
    sizes = {answer.url: len(gzip.compress(await answer.body())) for answer in answers}
    await page.close()

    assert any(url.endswith(".css") for url in sizes)
    assert sum(sizes.values()) <= FIRST_PAINT, sizes
    assert not [url for url in sizes if re.search(r"/(jobs?|task|queue|health)-", url)]


@pytest.mark.capability("N29")
async def test_on_a_phone_every_place_is_two_taps_away(
    visit: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    async with visit("rosa", "operator", **phone) as page:
        bar = page.get_by_role("navigation", name="Main")
        await bar.get_by_role("link", name="Jobs").tap()
        await expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
        await bar.get_by_role("button", name="More").tap()
        await screenshot(page, "phone-more")
        await bar.get_by_role("link", name="Health").tap()
        await expect(page.get_by_role("heading", name="Health", exact=True)).to_be_visible()
        await expect(bar.get_by_role("link", name="Health")).to_be_hidden()
        await expect(bar.get_by_role("button", name="More")).to_have_attribute(
            "aria-current", "page"
        )
        small = await page.evaluate(SMALL)

        assert not small
