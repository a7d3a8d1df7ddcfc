"""What the page about tokens shows is run, and prints what it says."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import Example, blocks, examples, files, fits
from tests.needs import needs
from tests.nodes import ROOT, Node, make_node

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "tokens.md"
LIMIT = 60.0  # seconds
LIBRARY = ROOT / "web" / "client" / "dist" / "index.js"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with the task and the delegation that the page shows."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        component = (ROOT / "components" / "executor.py").read_text()
        folder = make_node(Path(path), component=component, settings="\n[executor]\nslots = 2\n")
        shown = files(PAGE)
        rules, _, _ = folder.policy.read_text().partition("[[delegation]]")
        folder.policy.write_text(rules + shown.pop("router/roles.toml"))
        for name, text in shown.items():
            (folder.root / name).write_text(text)
        with Node(folder) as node:
            node.until("READY")
            yield node


def surroundings(node: Node) -> dict[str, str]:
    return {
        **os.environ,
        "TASKREALM_URL": node.url,
        "TASKREALM_TOKEN": node.issue("scope_reader", lifetime=10 * LIMIT),
        "BACKEND_TOKEN": node.issue("shop", "backend", lifetime=10 * LIMIT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def run(example: Example, node: Node) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", example.code]
    if example.kind == "console":
        command = ["bash", "-c", example.code]
    return subprocess.run(
        command,
        cwd=node.folder.root,
        env=surroundings(node),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.capability("N24")
def test_every_example_of_the_page_prints_what_it_says(node: Node) -> None:
    ran = [(example, run(example, node)) for example in examples(PAGE)]

    for example, done in ran:
        place = f"{PAGE.name}:{example.line}"
        printed = done.stdout or done.stderr
        assert done.returncode == 0 or example.kind == "console", f"{place}:\n{done.stderr}"
        assert example.printed is not None, place
        assert fits(printed, example.printed), f"{place} prints:\n{printed}{done.stderr}"
    assert {example.kind for example, _ in ran} == {"python", "console"}


@contextlib.contextmanager
def site_of(node: Node) -> Iterator[str]:
    """The web application that the page shows; gives its address."""
    [shown] = [block.text for block in blocks(PAGE) if "app = Flask" in block.text]
    application, _, _ = shown.partition("\nwith client:")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-c", f"{application}\nwith client:\n    app.run(port={port})\n"],
        cwd=node.folder.root,
        env=surroundings(node),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as server:
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if b"Running on" in line:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.mark.capability("N24")
def test_a_page_runs_its_task_with_a_token_of_its_own(node: Node, tmp_path: Path) -> None:
    needs("node")
    [shown] = [block.text for block in blocks(PAGE) if block.kind == "js"]
    code = shown.replace('"@taskrealm/client"', f'"{LIBRARY.as_uri()}"').replace(
        "wss://example.org/ws", node.url
    )
    with site_of(node) as site:
        script = tmp_path / "page.mjs"
        script.write_text(
            "const text = {}\n"
            f"const fetch = (path, how) => globalThis.fetch('{site}' + path, how)\n"
            f"{code}\nprocess.exit(0)\n"
        )
        done = subprocess.run(
            ["node", "--experimental-websocket", str(script)],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    assert (done.returncode, done.stdout) == (0, "366\n"), done.stderr
