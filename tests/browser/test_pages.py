"""The examples: pages of other origins than the node's, with live jobs for their own users."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from tests.browser.conftest import PATIENCE
from tests.nodes import ROOT, Node, free_port
from tests.site import make_site

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from typing import Any

    from playwright.async_api import Browser, Page

    Screenshot = Callable[[Page, str], Awaitable[Any]]

EXAMPLES = ROOT / "examples"
PORTS = {name: free_port() for name in ("html", "flask", "django")}
PASSWORD = "seven long words that nobody else knows"
USERS = f"""
from django.contrib.auth.models import User
for name in ("django_ana", "django_ben"):
    User.objects.create_user(name, password={PASSWORD!r})
"""
LIMIT = 30.0  # seconds in which an application must answer

# What docs/elements.md tells a node to have for pages of other sites.
DELEGATION = """
[[delegation]]
backends = ["website"]
users = ["*"]
"""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node that lets the pages of the examples connect."""
    origins = ", ".join(f'"http://127.0.0.1:{port}"' for port in PORTS.values())
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), router=f"allowed_origins = [{origins}]\n")
        folder.policy.write_text(folder.policy.read_text() + DELEGATION)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.fixture(scope="module")
def website(node: Node) -> Iterator[Website]:
    with tempfile.TemporaryDirectory(prefix="tr-") as path, ExitStack() as stack:
        yield Website(node, Path(path), stack)


class Website:
    """The examples as they are, but for the port of the node; each is started when it is needed."""

    def __init__(self, node: Node, folder: Path, stack: ExitStack) -> None:
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
        for page in folder.glob("html/*.html"):
            page.write_text(page.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{node.port}"))
        self._folder = folder
        self._stack = stack
        self._started: set[str] = set()
        self._environment = {
            **os.environ,
            "TASKREALM_URL": node.url,
            "TASKREALM_API": f"http://127.0.0.1:{node.port}/api",
            "TASKREALM_TOKEN": node.issue("website", "backend", lifetime=3600),
        }

    def run(self, name: str, *words: str) -> None:
        """Let the example *name* do something, and wait until it is done."""
        subprocess.run(
            [sys.executable, *words],
            cwd=self._folder / name,
            env=self._environment,
            check=True,
            capture_output=True,
            timeout=LIMIT,
        )

    def start(self, name: str, *words: str) -> str:
        """The address of the example *name*, which these words start."""
        port = PORTS[name]
        if name not in self._started:
            self._started.add(name)
            command = [sys.executable, *(word.format(port=port) for word in words)]
            folder, environment = self._folder / name, self._environment
            self._stack.enter_context(serving(command, folder, environment, port))
        return f"http://127.0.0.1:{port}"


@contextmanager
def serving(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], port: int
) -> Iterator[None]:
    """Let *command* run that serves on *port*."""
    log = folder / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said) as server,
    ):
        try:
            deadline = time.monotonic() + LIMIT
            while not answers(port):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


def answers(port: int) -> bool:
    with closing(socket.socket()) as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


async def test_a_page_with_nothing_but_the_library_runs_a_job_and_follows_it(
    website: Website, browser: Browser
) -> None:
    address = website.start("html", "serve.py", "{port}")
    page = await browser.new_page()
    await page.goto(f"{address}/library.html")
    await page.get_by_role("button", name="Count").click()

    progress = page.get_by_role("progressbar")
    await expect(progress).to_have_js_property("value", 0.2)
    await expect(progress).to_have_js_property("value", 1)
    await expect(page.locator("output")).to_have_text("5")


async def test_the_classic_script_needs_no_modules(
    website: Website, browser: Browser, node: Node
) -> None:
    address = website.start("html", "serve.py", "{port}")
    page = await browser.new_page()
    await page.goto(f"{address}/library.html")
    await page.add_script_tag(url=f"http://127.0.0.1:{node.port}/lib/taskrealm.js")
    result = await page.evaluate(
        """async url => {
            const token = () => fetch("/token").then(answer => answer.text())
            const client = await taskrealm.connect({url, token})
            const job = await client.exec("demo.count", {to: 2, interval: 0})
            return await job.result()
        }""",
        node.url,
    )

    assert result == 2


@pytest.mark.capability("N34", "J6")
async def test_a_plain_page_has_a_form_and_a_live_list_for_each_of_its_visitors(
    website: Website, browser: Browser, screenshot: Screenshot
) -> None:
    address = website.start("html", "serve.py", "{port}")
    ana, ben = [await (await browser.new_context()).new_page() for _ in range(2)]
    for page in (ana, ben):
        await page.goto(address)
    await run_form(ana, to=2)

    await expect(ana.get_by_text("Succeeded")).to_be_visible()
    await expect(ana.locator("taskrealm-jobs").get_by_role("link")).to_have_count(1)
    await screenshot(ana, "page-html")
    await run_form(ben, to=3)
    await expect(ben.get_by_text("Succeeded")).to_be_visible()
    await expect(ben.locator("taskrealm-jobs").get_by_role("link")).to_have_count(1)


async def test_whoever_makes_a_page_is_told_why_nothing_comes(
    website: Website, browser: Browser, node: Node
) -> None:
    address = website.start("html", "serve.py", "{port}")
    page = await browser.new_page()
    where = f"http://127.0.0.1:{node.port}/ws"

    async def told(url: str, words: str) -> None:
        async with page.expect_console_message(
            lambda message: words in message.text, timeout=PATIENCE
        ):
            await page.goto(url)

    # To the node this is another origin than the one that it lists.
    stranger = address.replace("127.0.0.1", "localhost")
    await told(stranger, f"no connection to {where}. Do its allowed_origins list {stranger}?")
    await page.route("**/token", lambda route: route.fulfill(status=403))
    await told(address, "/token gives no token: it answers 403")
    await page.route("**/token", lambda route: route.fulfill(body="tr_wrong"))
    await told(address, f"{where} refuses the token of /token: ")


@pytest.mark.capability("N34")
async def test_users_of_a_flask_page_run_and_follow_jobs_of_their_own_only(
    website: Website, browser: Browser, screenshot: Screenshot
) -> None:
    address = website.start("flask", "-m", "flask", "run", "--port", "{port}")

    async def sign_in(page: Page, name: str) -> None:
        await page.goto(address)
        await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Sign in").click()

    await walk(browser, sign_in, address, screenshot, "flask")


@pytest.mark.capability("N34")
async def test_users_of_a_django_page_run_and_follow_jobs_of_their_own_only(
    website: Website, browser: Browser, screenshot: Screenshot
) -> None:
    website.run("django", "app.py", "migrate")
    website.run("django", "app.py", "shell", "-c", USERS)
    address = website.start("django", "app.py", "runserver", "--noreload", "{port}")

    async def sign_in(page: Page, name: str) -> None:
        await page.goto(address)
        await page.get_by_label("Username").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()

    await walk(browser, sign_in, address, screenshot, "django")


async def walk(
    browser: Browser,
    sign_in: Callable[[Page, str], Awaitable[None]],
    address: str,
    screenshot: Screenshot,
    name: str,
) -> None:
    """A job by the form, one by the application, and somebody else who gets neither."""
    ana, ben = [await (await browser.new_context()).new_page() for _ in range(2)]
    await sign_in(ana, f"{name}_ana")
    await run_form(ana, to=3)
    listed = ana.locator("taskrealm-jobs").get_by_role("link")
    await expect(ana.locator("taskrealm-jobs").get_by_text("Succeeded")).to_be_visible()
    await screenshot(ana, f"page-{name}")
    await expect(listed).to_have_count(1)

    await ana.get_by_role("button", name="Count to five").click()
    job = ana.locator("taskrealm-job")
    await expect(job.get_by_role("progressbar")).to_be_visible()
    await expect(job.get_by_text("Succeeded").first).to_be_visible()
    await screenshot(ana, f"page-{name}-job")

    await sign_in(ben, f"{name}_ben")
    await expect(ben.locator("taskrealm-form").get_by_label("To", exact=True)).to_be_visible()
    await expect(ben.locator("taskrealm-jobs").get_by_role("link")).to_have_count(0)
    await ben.goto(ana.url)
    await expect(ben.get_by_text("There is no job")).to_be_visible()
    await expect(ben.get_by_text("Succeeded")).to_have_count(0)


async def run_form(page: Page, *, to: int) -> None:
    """Fill in the form of the page, and run its task."""
    form = page.locator("taskrealm-form")
    await form.get_by_label("To", exact=True).fill(str(to))
    await form.get_by_label("Interval").fill("0.2")
    await form.get_by_role("button", name="Run", exact=True).click()
