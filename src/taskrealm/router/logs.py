"""Where the output of the node's processes goes: files that never grow beyond a limit."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LOG_LIMIT = 10_000_000  # bytes
LOG_INTERVAL = 10.0  # seconds between two looks at the size of a log


def open_log(path: Path) -> int:
    """Open *path* for appending, readable by its owner alone; gives the file descriptor."""
    trim_log(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def trim_log(path: Path) -> None:
    """Move what is in *path*, if that is more than `LOG_LIMIT`, to `<path>.1`."""
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        # Programs that have it open go on appending to it, so it must stay the same file.
        shutil.copy(path, f"{path}.1")
        os.truncate(path, 0)


def write_record(path: Path, event: str, *, logger: str, **more: Any) -> None:
    """Add a warning to the log in *path*, in the form that the executor logs in."""
    record = {
        "event": event,
        "level": "warning",
        "logger": logger,
        "timestamp": datetime.now(UTC).isoformat(),
        **more,
    }
    log = open_log(path)
    os.write(log, f"{json.dumps(record)}\n".encode())
    os.close(log)


class LogEnd:
    """What is added to a log from now on; as text, its last lines, ready to end a message."""

    LINES = 20

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size if path.exists() else 0

    def __str__(self) -> str:
        if not self._path.exists():
            return ""
        content = self._path.read_bytes()
        if len(content) >= self._size:
            content = content[self._size :]
        lines = content.decode(errors="replace").splitlines()[-self.LINES :]
        return "\n".join((f". The end of {self._path}:", *lines)) if lines else ""
