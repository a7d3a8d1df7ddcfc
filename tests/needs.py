"""What some tests need beyond the Python and npm packages."""

from __future__ import annotations

import glob
import os
import shutil
from typing import Final

import pytest

PACKAGES: Final = {
    "awk": "mawk",
    "chromium": "chromium",
    "curl": "curl",
    "dash": "dash",
    "faketime": "faketime",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "mawk": "mawk",
    "node": "nodejs",
    "initdb": "postgresql",
    "npm": "npm",
    "postgres": "postgresql",
    "rsync": "rsync",
    "strace": "strace",
}
"""The programs that tests call, and the Debian packages that they come in."""

_OTHER_NAMES: Final = {"chromium": ("chromium-browser", "google-chrome")}

_OTHER_FOLDERS: Final = "/usr/lib/postgresql/*/bin"
"""Where Debian keeps the programs of a database server, version by version."""


def needs(program: str) -> str:
    """
    The path of *program*; without it the test is skipped with a sentence that says why.

    On CI, where everything should be installed, a program that is missing fails the test.
    """
    folders = os.pathsep.join([os.environ["PATH"], *sorted(glob.glob(_OTHER_FOLDERS))])
    for name in (program, *_OTHER_NAMES.get(program, ())):
        path = shutil.which(name, path=folders)
        if path is not None:
            return path
    reason = f"needs the program {program}: install the package {PACKAGES[program]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
