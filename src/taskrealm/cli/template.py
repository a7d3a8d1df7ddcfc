"""The reference node, as `taskrealm init` writes it into a new folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

CONTENTS: Final = ("taskrealm.toml", ".crossbar/config.json", "router", "components", "tasks")
"""What makes up the reference node, relative to its folder."""

GITIGNORE: Final = """\
# What a running node keeps
/state/
/files/
/.crossbar/key.priv
/.crossbar/key.pub
/.crossbar/node.pid
__pycache__/
"""


def write_node(folder: Path) -> list[Path]:
    """
    Write a copy of the reference node into *folder*, and give the files written.

    Raises:
        FileExistsError: *folder* exists and is not an empty folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    source = _source()
    for name in CONTENTS:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source / name, target)
    (folder / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _source() -> Path:
    """In a wheel a folder of the package, in a checkout the top level of the repository."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "node_template"
    return packed if packed.is_dir() else package.parent.parent
