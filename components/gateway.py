"""Runs this node's gateway."""

from __future__ import annotations

from pathlib import Path

from taskrealm.gateway import run
from taskrealm.settings import NodeFolder

run(NodeFolder(Path(__file__).resolve().parent.parent))
