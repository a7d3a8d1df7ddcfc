"""What the page about HTTP shows is run by a shell, line by line, and prints what it says."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import examples, files, fits
from tests.needs import needs
from tests.nodes import ROOT, Node
from tests.site import make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "http.md"
LIMIT = 150.0  # seconds
MARK = "=== what follows was printed by the next one ==="


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with the task of the page."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        for name, text in files(PAGE).items():
            (folder.root / name).write_text(text)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.mark.capability("P4", "P6", "N10", "N11")
@pytest.mark.timeout(180)
def test_curl_alone_does_what_the_page_says(node: Node, tmp_path: Path) -> None:
    needs("curl")
    shown = [example for example in examples(PAGE) if example.kind == "console"]
    script = "".join(f"{example.code}\necho\necho '{MARK}'\n" for example in shown)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "NODE": f"http://127.0.0.1:{node.port}",
            "AUTH": f"Authorization: Bearer {node.issue('curl_reader', lifetime=2 * LIMIT)}",
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    printed = done.stdout.split(f"{MARK}\n")[:-1]

    assert len(printed) == len(shown) > 20, done.stderr
    for example, text in zip(shown, printed, strict=True):
        promised = example.printed or ""
        assert fits(text, promised), f"{PAGE.name}:{example.line}: {example.code}\n{text}"
