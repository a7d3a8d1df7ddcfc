"""
The fixtures that pytest offers wherever TaskRealm is installed.

Every run of pytest imports this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..client import BlockingClient
    from .nodes import Node

SETTING = "taskrealm_node"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project say where its node is."""
    parser.addini(SETTING, "folder of the node that tests run, relative to the root", default=".")


@pytest.fixture(scope="session")
def taskrealm_node(pytestconfig: pytest.Config) -> Iterator[Node]:
    """A running node like the project's own, with state and files of its own, for all tests."""
    from ..settings import SettingsError
    from .nodes import Node, copy_node

    source = pytestconfig.rootpath / pytestconfig.getini(SETTING)
    paths = [*map(str, pytestconfig.getini("pythonpath")), os.environ.get("PYTHONPATH", "")]
    # The name of the Unix socket in it must not become too long.
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        try:
            folder = copy_node(source, Path(path))
        except SettingsError as error:
            pytest.fail(
                f"{error}; the setting {SETTING} of pytest says where the node is", pytrace=False
            )
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with Node(folder, environment=environment) as node:
            node.until("READY")
            yield node


@pytest.fixture
def taskrealm_client(taskrealm_node: Node) -> Iterator[BlockingClient]:
    """A client of that node, signed in as a user whom no other test has."""
    with taskrealm_node.blocking_client(f"test_{secrets.token_hex(4)}") as client:
        yield client
