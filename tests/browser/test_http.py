"""A page whose network lets no WebSocket through follows its jobs over HTTP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.docs.pages import blocks
from tests.http.asking import LIMIT, asking, ended, submit
from tests.nodes import ROOT, Node
from tests.site import make_site
from tests.wire.line import line_to

from taskrealm.testing.nodes import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = pytest.mark.browser

CUTS = 4
TALKS = """
import time
from taskrealm.tasks import report
for number in range(300):
    report.message(f"number {number}")
    time.sleep(0.03)
"""


def page() -> str:
    """A page with what docs/http.md has for pages."""
    [script] = [each.text for each in blocks(ROOT / "docs" / "http.md") if each.kind == "js"]
    return f"""<!doctype html><title>A page</title><script type="module">
{script}
window.blocked = await new Promise(tell => {{
  const socket = new WebSocket(location.hash.slice(1).split(" ")[0].replace("http", "ws") + "/ws")
  socket.onopen = () => tell(false)
  socket.onclose = () => tell(true)
}})
window.follow = async (url, token) => {{
  const heard = []
  for await (const event of events(url, token)) heard.push(event)
  return heard
}}
window.ready = true
</script>"""


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[None]:
    """The page at *port*."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=page(), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield
    await runner.cleanup()


@pytest.mark.capability("P4", "D6")
@pytest.mark.timeout(180)
async def test_a_page_without_websocket_follows_a_job_over_http_and_misses_nothing(
    short_path: Path, browser: Browser
) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with Node(make_site(short_path, router=f'allowed_origins = ["{origin}"]')) as node:
        node.until("READY")
        async with (
            serving(port),
            line_to(node.port) as line,
            asking(node, "curl_page") as http,
            asyncio.timeout(2 * LIMIT),
        ):
            context = await browser.new_context()
            await context.route_web_socket("**/ws", lambda socket: socket.close())
            shown = await context.new_page()
            await shown.goto(f"{origin}/#http://127.0.0.1:{line.port}")
            await shown.wait_for_function("window.ready")
            assert await shown.evaluate("window.blocked") is True
            job_id = await submit(http, "probe.script", code=TALKS)
            follow: list[Any] = [
                f"http://127.0.0.1:{line.port}/api/jobs/{job_id}/events",
                node.issue("curl_page"),
            ]
            following = asyncio.create_task(
                shown.evaluate("([url, token]) => window.follow(url, token)", follow)
            )
            for size in range(2_000, 2_000 + 777 * CUTS, 777):
                await line.cut_within(size)
            heard = await following
            journal = await ended(http, job_id)
            await context.close()

    assert heard == journal
    assert len(heard) > 250
