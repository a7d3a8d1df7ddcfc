"""Puts the reference node into the wheel, where `taskrealm init` finds it."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = ("taskrealm.toml", ".crossbar/config.json", "router", "components", "tasks")
"""What cli/template.py copies into a new node."""


class NodeTemplate(BuildHookInterface):
    """Adds the files; an editable installation reads them where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; *version* is `standard` or `editable`."""
        if version == "standard":
            build_data["force_include"] |= {
                name: f"taskrealm/node_template/{name}" for name in NODE
            }
