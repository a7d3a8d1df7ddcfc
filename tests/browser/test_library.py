"""The browser library in a real Chromium, at a real node, through everything that a network does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import ROOT, comes_true, the_one
from tests.site import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page, Route, WebSocketRoute
    from tests.nodes import Node

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LIMIT = 60.0  # seconds
PATIENCE = 60_000  # milliseconds
BUILT = ROOT / "web" / "client" / "dist"

LOAD = """async options => {
  const {connect} = await import("/library/index.js")
  window.heard = []
  window.statuses = []
  const client = window.client = await connect({token: () => window.token(), ...options})
  client.on("event", event => heard.push(`${event.job_id} ${event.job_seq}`))
  client.on("status", status => statuses.push(status))
  if (client.status !== "live") {
    await new Promise(resolve => client.on("status", now => now === "live" && resolve()))
  }
}"""

TALKS = """
import time
from taskrealm.tasks import report
for number in range({number}):
    report.message(f"number {{number}}")
    time.sleep({pause})
"""


class Network:
    """What lies between a page and its node."""

    def __init__(self) -> None:
        self.is_blocked = False
        """Whether no WebSocket gets through."""
        self.sockets: list[WebSocketRoute] = []

    async def take(self, socket: WebSocketRoute) -> None:
        if self.is_blocked:
            await socket.close()
        else:
            socket.connect_to_server()
            self.sockets.append(socket)


@asynccontextmanager
async def a_page(
    browser: Browser, site: Node, authid: str, *, lifetime: float = 600.0
) -> AsyncIterator[tuple[BrowserContext, Page, Network, list[str]]]:
    """A page that has loaded the library, its network, and the tokens that it has asked for."""
    context = await browser.new_context(bypass_csp=True)
    network = Network()
    tokens: list[str] = []

    def token() -> str:
        tokens.append(site.issue(authid, lifetime=lifetime))
        return tokens[-1]

    async def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        await route.fulfill(
            body=(BUILT / name).read_text(), content_type="text/javascript; charset=utf-8"
        )

    await context.route_web_socket("**/ws", network.take)
    await context.route("**/library/*.js", serve)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    await page.expose_function("token", token)
    yield context, page, network, tokens
    await context.close()


async def opened(page: Page, site: Node, **options: Any) -> None:
    """Load the library into a page of the node, and connect."""
    await page.goto(f"http://127.0.0.1:{site.port}/")
    await page.evaluate(LOAD, options)


async def exec_talk(page: Page, number: int, pause: float = 0.02) -> str:
    """The id of a job of the page that says so many messages."""
    code = TALKS.format(number=number, pause=pause)
    submitted = "async code => (await client.exec('probe.script', {code})).id"
    return str(await page.evaluate(submitted, code))


async def journal(site: Node, authid: str, *jobs: str) -> list[str]:
    """The events of *jobs*, which end, as the page writes them."""
    async with client(site, authid) as reader, asyncio.timeout(LIMIT):
        return [
            f"{event.job_id} {event.job_seq}" for job in jobs async for event in reader.job(job)
        ]


async def heard(page: Page, number: int) -> list[str]:
    """What the page has heard, once that are so many events."""
    await page.wait_for_function("number => heard.length >= number", arg=number)
    return [str(each) for each in await page.evaluate("heard")]


@pytest.mark.capability("P4", "D6")
async def test_where_no_websocket_gets_through_a_page_hears_the_same_and_goes_back(
    site: Node, browser: Browser
) -> None:
    who = "library_blocked"
    async with a_page(browser, site, who) as (_, page, network, _tokens):
        network.is_blocked = True
        await opened(page, site)
        blocked = await page.evaluate("client.transport")
        first = await exec_talk(page, 50)
        printed = await page.evaluate(
            """async () => {
                const job = await client.exec("probe.printed", {text: "over HTTP"})
                let text = ""
                for await (const chunk of job.output()) text += chunk.text
                return [text, await job.result()]
            }"""
        )
        second = await exec_talk(page, 150)
        await heard(page, 60)
        network.is_blocked = False
        await page.evaluate("client.retry()")
        await page.wait_for_function("client.transport === 'websocket'")
        expected = await journal(site, who, first, second)
        told = await heard(page, len(expected))
        statuses = await page.evaluate("statuses")

    assert blocked == "http"
    assert printed[0] == "over HTTP"
    for job in (first, second):
        assert [each for each in told if job in each] == [each for each in expected if job in each]
    assert len(set(told)) == len(told)
    assert "offline" not in statuses


@pytest.mark.capability("D8", "S8", "U14")
async def test_a_page_without_network_catches_up_and_its_submission_runs_once(
    site: Node, browser: Browser
) -> None:
    who = "library_offline"
    async with a_page(browser, site, who) as (context, page, _network, _tokens):
        await opened(page, site)
        carrier = await page.evaluate("client.transport")
        first = await exec_talk(page, 100)
        await heard(page, 5)
        await context.set_offline(True)
        await page.wait_for_function("client.status === 'offline'")
        await page.evaluate(
            """() => {
                window.submitted = client.exec("probe.printed", {text: "from afar"})
                window.withdrawn = client.exec(
                    "probe.printed", {text: "never"}, {signal: AbortSignal.timeout(100)})
                    .catch(error => error.name)
            }"""
        )
        withdrawn = await page.evaluate("withdrawn")
        await context.set_offline(False)
        second = await page.evaluate("submitted.then(job => job.id)")
        expected = await journal(site, who, first, second)
        told = await heard(page, len(expected))
        async with client(site, who) as reader:
            jobs = [each["job_id"] async for each in reader.jobs()]

    assert (carrier, withdrawn) == ("websocket", "TimeoutError")
    assert sorted(told) == sorted(expected)
    assert sorted(jobs) == sorted([first, second])


@pytest.mark.capability("D8")
async def test_a_token_that_expires_is_renewed_and_the_page_hears_everything(
    site: Node, browser: Browser
) -> None:
    who = "library_expiring"
    async with a_page(browser, site, who, lifetime=2.0) as (_, page, _network, tokens):
        await opened(page, site)
        job = await exec_talk(page, 150, 0.04)
        expected = await journal(site, who, job)
        told = await heard(page, len(expected))
        denial = await page.evaluate("client.denial")

    assert told == expected
    assert len(tokens) > 2
    assert denial is None


@pytest.mark.capability("N34")
async def test_the_memory_of_a_page_stays_flat_through_an_hour_of_events(
    site: Node, browser: Browser
) -> None:
    """An hour of three events a second, as fast as the node gives them, watched and counted."""
    per_job, jobs = 1_000, 11
    async with a_page(browser, site, "library_hour") as (context, page, _network, _tokens):
        await opened(page, site)
        devtools = await context.new_cdp_session(page)
        await page.evaluate(
            """() => {
                window.count = 0
                client.on("event", () => { count += 1; heard.length = 0 })
            }"""
        )

        async def size() -> int:
            await devtools.send("HeapProfiler.collectGarbage")
            return int((await devtools.send("Runtime.getHeapUsage"))["usedSize"])

        async def talk() -> None:
            await page.evaluate(
                """async code => {
                    const job = await client.exec("probe.script", {code})
                    let seen = 0
                    for await (const event of job) seen += 1
                    await job.result()
                    window.seen = (window.seen ?? 0) + seen
                }""",
                TALKS.format(number=per_job, pause=0),
            )

        await talk()
        before = await size()
        for _ in range(jobs - 1):
            await talk()
        after = await size()
        seen, count = await page.evaluate("[seen, count]")

    sys.stdout.write(f"{seen} events; heap {before} bytes before and {after} bytes after\n")
    assert seen == count
    assert seen > 3 * 3_600
    assert after < before + 1_000_000


@pytest.mark.capability("D8", "D9", "J4")
async def test_a_page_outlives_a_router_that_is_killed(site: Node, browser: Browser) -> None:
    who = "library_router"
    async with a_page(browser, site, who) as (_, page, _network, _tokens):
        await opened(page, site)
        await page.evaluate(
            """() => {
                window.told = []
                client.on("open", transport => told.push("open"))
                client.on("close", () => told.push("close"))
            }"""
        )
        first = await exec_talk(page, 5)
        await journal(site, who, first)
        os.kill(the_one(site.folder, "crossbar-worker"), signal.SIGKILL)
        await page.wait_for_function("told.includes('close')")
        failure = await page.evaluate("client.tasks().catch(error => error.code)")
        submitted = page.evaluate(
            "client.exec('probe.printed', {text: 'after'}).then(job => job.id)"
        )
        second = await submitted
        await page.wait_for_function("client.status === 'live'")
        expected = await journal(site, who, first, second)
        told = await heard(page, len(expected))
        opened_again = await page.evaluate("told")

    assert failure == "disconnected"
    assert sorted(told) == sorted(expected)
    assert opened_again[:2] == ["close", "open"]
    await comes_true(lambda: bool(the_one(site.folder, "components/executor.py")))
