"""A real Chromium, and pages in it that are signed in at a real node."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect
from tests.needs import needs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.nodes import Node

    Visit = Callable[..., AbstractAsyncContextManager[Page]]

PATIENCE = 30_000  # milliseconds; a program that is stopped has ten seconds to end by itself
expect.set_options(timeout=PATIENCE)

POLICY = "Content Security Policy"  # in what Chromium says when a page breaks its own

TALLEST = 2_400  # pixels of a page that are kept as a picture
SCREENSHOTS = Path(__file__).parents[2] / "test-output" / "screenshots"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = needs("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


def relay(socket: WebSocketRoute, sockets: asyncio.Queue[WebSocketRoute]) -> None:
    """Let a page's socket through to the node."""
    socket.connect_to_server()
    sockets.put_nowait(socket)


@pytest.fixture
def visit(browser: Browser, site: Node) -> Visit:
    """
    Opens the console in a browser context of its own, signed in by a link.

    Whatever the page logs as an error, asks of another host or may not do fails the test. Each
    WebSocket that it opens is put into *sockets*, there to be cut.
    """

    @asynccontextmanager
    async def open_page(
        authid: str,
        role: str = "user",
        *,
        sockets: asyncio.Queue[WebSocketRoute] | None = None,
        **context: Any,
    ) -> AsyncIterator[Page]:
        address = f"http://127.0.0.1:{site.port}/"
        own = await browser.new_context(**context)
        if sockets is not None:
            await own.route_web_socket("**/ws", lambda socket: relay(socket, sockets))
        page = await own.new_page()
        page.set_default_timeout(PATIENCE)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if POLICY in message.text else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:"))
                else complaints.append(f"asked {request.url}")
            ),
        )
        code = site.issue(authid, role, code=True)
        await page.goto(f"{address}#signin={code}")
        await page.get_by_test_id("task-list").wait_for()
        yield page
        await own.close()
        assert not complaints

    return open_page


@pytest.fixture
def screenshot() -> Callable[[Page, str], Any]:
    """Keeps a picture of a page as output of the tests."""

    async def take(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        width, height = await page.evaluate(
            "[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]"
        )
        await page.screenshot(
            path=SCREENSHOTS / f"{name}.png",
            full_page=True,
            clip={"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)},
        )

    return take
