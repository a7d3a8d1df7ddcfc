"""What the documentation shows can be loaded, and tells everything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.nodes import ROOT

from taskrealm.tasks import load_tasks, tables

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = [
    ("parameters.md", "python", "py", "report"),
    ("tasks-in-toml.md", "toml", "toml", "backup.db"),
    ("tasks-in-toml.md", "yaml", "yaml", "text.sort"),
]


@pytest.mark.parametrize(("document", "language", "suffix", "name"), EXAMPLES)
def test_an_example_is_a_task(
    document: str, language: str, suffix: str, name: str, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / document).read_text()
    (example,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / f"example.{suffix}").write_text(example)

    assert list(load_tasks(folder)) == [name]


def test_every_setting_and_every_type_in_toml_is_documented() -> None:
    text = (ROOT / "docs" / "tasks-in-toml.md").read_text()
    types = [
        values["const"]
        for each in tables.schema()["$defs"].values()
        if (values := each.get("properties", {}).get("type"))
    ]

    for word in (*types, *tables.TaskTable.model_fields.keys() - {"parameters"}):
        assert f"`{word}`" in text
