"""Keep copies of repositories."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import CommandTask, Output, Pattern, TaskError, Value

MIRRORS = (Path(__file__).parents[1] / "files" / "mirrors").resolve()
# Without these git would run programs that an address names, or ask for a password and wait.
ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "http:https:ssh", "GIT_TERMINAL_PROMPT": "0"}


class Mirror(CommandTask):
    """
    Mirror a git repository.

    Copies all branches and tags, the first time wholly, then only what is new. What was
    removed there is removed here.
    """

    name = "git.mirror"
    source: Annotated[
        str,
        Field(
            pattern=r"^(https?|ssh)://[^\s]+$",
            max_length=500,
            description="The address to clone from, such as https://example.org/project.git",
        ),
    ]
    mirror: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9._-]*$",
            max_length=100,
            description="The name of the copy below files/mirrors/",
        ),
    ]

    command = ("git", Value("work", dash=True))
    progress = Pattern(r"^(?P<message>Receiving objects): +(?P<percent>\d+)%")
    # The machine's network is within reach of whoever chooses an address.
    roles = frozenset({"operator"})
    environment = ENVIRONMENT
    timeout = 3_600.0  # seconds
    most_running_per_user = 1

    @property
    def work(self) -> list[str]:
        if not self.place.exists():
            return ["clone", "--mirror", "--progress", "--", self.source, "mirror.git"]
        # A name that was used before must not mix two repositories.
        known = re.search(r"^\s*url = (.*)$", (self.place / "config").read_text(), re.MULTILINE)
        if known is None or known[1] != self.source:
            raise TaskError(f"{self.mirror} is the mirror of something else; choose another name")
        return [f"--git-dir={self.place}", "fetch", "--prune", "--progress", "origin"]

    @property
    def place(self) -> Path:
        return MIRRORS / f"{self.mirror}.git"

    def parse_result(self, output: Output) -> dict[str, object]:
        fresh = output.directory / "mirror.git"
        if fresh.exists():
            MIRRORS.mkdir(parents=True, exist_ok=True)
            if self.place.exists():
                raise TaskError(f"Somebody has made {self.mirror} meanwhile")
            shutil.move(fresh, self.place)
        references = subprocess.run(
            ["git", f"--git-dir={self.place}", "for-each-ref", "--format=%(refname)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        return {
            "mirror": f"mirrors/{self.place.name}",
            "branches": sum(name.startswith("refs/heads/") for name in references),
            "tags": sum(name.startswith("refs/tags/") for name in references),
        }
