"""Every screen of the console: fit for all eyes, ears and widths, and kept as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.axe import violations
from tests.browser.places import furnished, screens, visit_place
from tests.site import client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 320, "height": 700}

SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
ZOOM = "size => { document.documentElement.style.fontSize = size }"


async def look(page: Page, name: str, screenshot: Callable[[Page, str], Any]) -> list[str]:
    """What is wrong with the screen that *page* shows, light and dark, wide and narrow."""
    wrong = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        wrong += [f"{name}, {scheme}: {each}" for each in await violations(page)]
        await screenshot(page, f"screen-{name}-{scheme}")
    await page.emulate_media(color_scheme="light")
    await page.evaluate(ZOOM, "200%")
    if (excess := await page.evaluate(SIDEWAYS)) > 0:
        wrong.append(f"{name}: {excess} pixels wider than the window with text of double size")
    await page.evaluate(ZOOM, "")
    await page.set_viewport_size(PHONE)
    if (excess := await page.evaluate(SIDEWAYS)) > 0:
        wrong.append(f"{name}: {excess} pixels wider than a phone")
    await screenshot(page, f"screen-{name}-phone")
    await page.set_viewport_size(WIDE)
    return wrong


@pytest.mark.capability("N29")
async def test_no_screen_has_a_fault_that_axe_knows_of_or_is_wider_than_a_phone(
    site: Node, visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    async with (
        furnished(site, "olga", tmp_path) as places,
        visit("olga", "operator", viewport=WIDE, reduced_motion="reduce") as page,
    ):
        wrong = []
        for name, address in places.items():
            await visit_place(page, address)
            wrong += await look(page, name, screenshot)
        await page.get_by_role("button", name="Search or jump").click()
        wrong += await look(page, "jump", screenshot)
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Account menu of olga").click()
        wrong += await look(page, "account-menu", screenshot)
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="Sign in").wait_for()
        wrong += await look(page, "sign-in", screenshot)
        async with client(site, "olga") as owner:
            minted = await owner.mint(jobs=[places["job-running"].rpartition("/")[2]])
        await page.goto(f"http://127.0.0.1:{site.port}/#share={minted['token']}")
        await page.get_by_test_id("job-state").wait_for()
        wrong += await look(page, "shared", screenshot)

    assert set(screens()) < set(places)
    assert not wrong, "\n".join(wrong)
