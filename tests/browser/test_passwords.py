"""Signing in by a name and a password, in a real Chromium."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect
from tests.nodes import Node
from tests.site import make_site

from taskrealm.access.credentials import CredentialStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SETTINGS = """
[access]
passwords = true
[console]
name = "Media lab"
environment = "Production: jobs here are for real"
colour = "red"
"""
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A running node on which people may sign in with passwords."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        with folder.settings_file.open("a") as file:
            file.write(SETTINGS)
        with Node(folder) as node:
            node.until("READY")
            with closing(CredentialStore.open(folder.credentials)) as credentials:
                credentials.add_user("join_petra")
                credentials.set_password("join_petra", PASSWORD)
            yield node


async def sign_in(page: Page, password: str) -> None:
    await page.get_by_label("Name").fill("join_petra")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.capability("N25")
async def test_a_password_signs_in_and_is_kept_nowhere(
    node: Node, browser: Any, screenshot: Callable[[Page, str], Any]
) -> None:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{node.port}/")
    await expect(page).to_have_title("Sign in · Media lab")
    await expect(page.get_by_role("note", name="Environment")).to_contain_text("for real")
    await screenshot(page, "sign-in-by-password")
    await sign_in(page, PASSWORD)
    await page.get_by_test_id("task-list").wait_for()
    await page.reload()
    await page.get_by_test_id("task-list").wait_for()
    kept = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")

    assert "tr_" in kept
    assert PASSWORD not in kept
    assert PASSWORD not in page.url


@pytest.mark.capability("N25", "Z2")
async def test_a_wrong_password_is_said_in_a_sentence(node: Node, browser: Any) -> None:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{node.port}/")
    await sign_in(page, "a wrong one")

    await expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
