"""What tests of all kinds share: records of what they show, and one running node."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import standin
from tests.databases import Postgres
from tests.nodes import Node, make_node
from tests.site import make_site

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.capabilities", "tests.failures", "tests.leftovers"]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty folder whose name leaves room for that of a Unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server, the same for all tests; each makes databases of its own."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path, Postgres(Path(path)) as server:
        yield server


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A running node, the same for all tests, with a stand-in for the executor."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(make_node(Path(path), component=standin.PROGRAM)) as node:
            node.until("READY")
            yield node


@pytest.fixture(scope="session")
def site() -> Iterator[Node]:
    """A running node with the real executor and tasks, the same for all tests."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        (folder.root / "files" / "words.txt").write_text("one two\nthree\n")
        with Node(folder) as node:
            node.until("READY")
            yield node
