"""Pages of a real Chromium that have joined a node through the library that it serves."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import aiohttp

from taskrealm.settings import load_settings

from .node import token_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from taskrealm.settings import NodeFolder

OPTIONS = ("--headless", "--no-sandbox", "--remote-debugging-port=0", "about:blank")

JOIN = """async token => {
  const {connect} = await import("/lib/client.js")
  window.client = await connect({token: () => token})
  // At the moment when the coarse clock, which is the machine's, goes on, the other one is set.
  const since = Date.now()
  while (Date.now() === since) {}
  const offset = Date.now() - performance.now()
  window.clock = () => offset + performance.now()
}"""


class Page:
    """
    A page that is told what to evaluate, and nothing else.

    Playwright would have every frame of a WebSocket copied to itself, which takes the browser
    more time than all that is to be measured.
    """

    def __init__(self, devtools: aiohttp.ClientWebSocketResponse) -> None:
        self._devtools = devtools
        self._numbers = itertools.count(1)

    async def evaluate(self, function: str, *args: Any) -> Any:
        """What *function*, or the promise that it gives, comes to."""
        given = ", ".join(json.dumps(each) for each in args)
        answer = await self.send(
            "Runtime.evaluate",
            expression=f"({function})({given})",
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", answer))
        return answer["result"].get("value")

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer of the browser's debugger."""
        number = next(self._numbers)
        await self._devtools.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._devtools.receive_json()
            if message.get("id") == number:
                answer: dict[str, Any] = message["result"]
                return answer


@contextlib.asynccontextmanager
async def joined_page(folder: NodeFolder, user: str) -> AsyncIterator[Page]:
    """
    A page with `client`, which has joined as *user*, and `clock()`.

    That gives the milliseconds since 1970 on the clock of this machine.
    """
    site = f"http://127.0.0.1:{load_settings(folder.settings_file).router.port}"
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("There is no Chromium in the PATH")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = await asyncio.create_subprocess_exec(
            program,
            f"--user-data-dir={profile}",
            *OPTIONS,
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert browser.stderr is not None
        try:
            port = ""
            async for line in browser.stderr:
                if b"DevTools listening on" in line:
                    port = line.decode().split("/")[2]
                    break
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://{port}/json/list") as listed,
            ):
                [target] = [each for each in await listed.json() if each["type"] == "page"]
                async with http.ws_connect(
                    target["webSocketDebuggerUrl"], max_msg_size=0
                ) as devtools:
                    page = Page(devtools)
                    # Something of the node's that does nothing by itself.
                    await page.send("Page.setBypassCSP", enabled=True)
                    await page.send("Page.navigate", url=f"{site}/lib/client.js")
                    await page.evaluate(JOIN, token_for(folder, user))
                    yield page
        finally:
            browser.terminate()
            await browser.wait()
