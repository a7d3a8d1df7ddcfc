"""Runs this node's executor."""

from __future__ import annotations

from pathlib import Path

from taskrealm.executor import run
from taskrealm.settings import NodeFolder

run(NodeFolder(Path(__file__).resolve().parent.parent))
