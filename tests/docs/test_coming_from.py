"""What the pages for users of other systems show is run, and prints what they say."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import Example, blocks, examples, files, fits
from tests.needs import needs
from tests.nodes import ROOT, Node, make_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Postgres

PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "coming-from").glob("[!i]*.md"))}
LIMIT = 60.0  # seconds
SETTINGS = '\n[executor]\nslots = 2\nenvironment = ["PATH", "LANG", "SHOP_DATABASE"]\n'

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def node(postgres: Postgres) -> Iterator[Node]:
    """A node with the tasks of all pages, and a database for those that use one."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_node(
            Path(path),
            component=(ROOT / "components" / "executor.py").read_text(),
            gateway=(ROOT / "components" / "gateway.py").read_text(),
            settings=SETTINGS,
        )
        for page in PAGES.values():
            for name, text in files(page).items():
                file = folder.root / name
                assert not file.exists(), f"{name} is on two pages"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        (folder.root / "files").mkdir(exist_ok=True)
        environment = {
            "SHOP_DATABASE": postgres.create(),
            "PYTHONPATH": f"{ROOT}:{folder.root}",  # where pages keep modules beside the tasks
        }
        with Node(folder, environment=environment) as node:
            node.until("READY")
            yield node


def surroundings(node: Node, user: str) -> dict[str, str]:
    token = node.issue(user, lifetime=10 * LIMIT)
    return {
        **os.environ,
        **node.environment,
        "TASKREALM_URL": node.url,
        "NODE": f"http://127.0.0.1:{node.port}",
        "TASKREALM_TOKEN": token,
        "AUTH": f"Authorization: Bearer {token}",
        "BACKEND_TOKEN": node.issue(f"{user}_site", "backend", lifetime=10 * LIMIT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{node.folder.root}:{ROOT / 'src'}",
    }


def run(example: Example, node: Node, user: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", example.code]
    if example.kind == "console":
        command = ["bash", "-c", example.code]
    return subprocess.run(
        command,
        cwd=node.folder.root,
        env=surroundings(node, user),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_example_of_the_page_prints_what_it_says(node: Node, name: str) -> None:
    ran = 0
    for example in examples(PAGES[name]):
        done = run(example, node, f"shop_{name.replace('-', '_')}")
        place = f"{PAGES[name].name}:{example.line}"
        printed = done.stdout or done.stderr

        assert done.returncode == 0 or example.kind == "console", f"{place}:\n{done.stderr}"
        if example.printed is not None:
            assert fits(printed, example.printed), f"{place} prints:\n{printed}{done.stderr}"
        ran += 1
    assert ran


@contextlib.contextmanager
def site_of(name: str, node: Node, user: str) -> Iterator[str]:
    """The web application that a page shows, if it shows one; gives its address."""
    shown = [block.text for block in blocks(PAGES[name]) if "app = Flask" in block.text]
    if not shown:
        yield ""
        return
    application, _, _ = shown[0].partition("\nwith client:")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = f"{application}\nwith client:\n    app.run(port={port})\n"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=node.folder.root,
        env=surroundings(node, user),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + LIMIT
            while server.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.mark.parametrize(
    "name", [name for name in PAGES if any(each.kind == "js" for each in blocks(PAGES[name]))]
)
def test_a_browser_follows_its_job_as_the_page_says(node: Node, name: str, tmp_path: Path) -> None:
    needs("node")
    user = f"shop_page_{name}"
    (shown,) = [block.text for block in blocks(PAGES[name]) if block.kind == "js"]
    library = (ROOT / "web" / "client" / "dist" / "index.js").as_uri()
    code = shown.replace('"@taskrealm/client"', f'"{library}"').replace(
        "wss://example.org/ws", node.url
    )
    with site_of(name, node, user) as site:
        script = tmp_path / "page.mjs"
        script.write_text(
            "const token = process.env.TASKREALM_TOKEN, bar = {}, text = {}\n"
            f"const fetch = (path, how) => globalThis.fetch('{site}' + path, how)\n"
            f"{code}\nconsole.log(JSON.stringify({{bar, text}}))\nprocess.exit(0)\n"
        )
        done = subprocess.run(
            ["node", "--experimental-websocket", str(script)],
            env=surroundings(node, user),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    assert done.returncode == 0, done.stderr
    *printed, last = done.stdout.splitlines()
    seen = json.loads(last)
    if site:
        assert seen["bar"]["value"] > 0
        assert seen["text"]["textContent"]
    else:
        assert "succeeded" in printed


def test_every_page_is_listed_and_run() -> None:
    index = (ROOT / "docs" / "coming-from" / "index.md").read_text()

    assert sorted(re.findall(r"\((\w+)\.md\)", index)) == sorted(PAGES)
    for page in PAGES.values():
        kinds = {block.kind for block in blocks(page)}
        assert kinds <= {"python", "console", "text", "toml", "js", "sh"}, page
