"""Keep files safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import (
    Below,
    Caller,
    CommandTask,
    InvalidArguments,
    Output,
    Pattern,
    Value,
)

FILES = (Path(__file__).parents[1] / "files").resolve()
BACKUPS = FILES / "backups"


class Checksum(CommandTask):
    """
    Compute the checksum of a file.

    Two files with the same checksum have the same content.
    """

    name = "archive.checksum"
    source: Annotated[Path, Below(FILES), Field(description="Any file, of any size")]
    # With --zero the digest comes first, whatever characters the file name has.
    command = ("sha256sum", "--zero", Value("source"))

    def parse_result(self, output: Output) -> dict[str, object]:
        digest, _ = output.stdout.decode().split(maxsplit=1)
        return {"algorithm": "sha256", "digest": digest, "bytes": self.source.stat().st_size}


class Backup(CommandTask):
    """
    Back up a folder.

    Copies what is new or has changed to files/backups/, and removes there what is no longer in
    the folder. A copy that was interrupted is continued the next time.
    """

    name = "archive.backup"
    folder: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$", description="The folder below files/"),
    ]
    command = (
        "rsync",
        "--archive",
        "--delete",
        "--partial",
        "--no-inc-recursive",  # so that it knows from the start how much there is
        "--info=progress2",
        "--stats",
        "--",
        Value("source"),
        Value("target"),
    )
    progress = Pattern(r"^ *[\d,.]+ +(?P<percent>\d+)% +(?P<message>\S+/s)")
    timeout = 21_600.0  # seconds
    most_running_per_user = 1

    @property
    def source(self) -> str:
        return f"{FILES / self.folder}/"  # what is in it, not the folder itself

    @property
    def target(self) -> str:
        return str(BACKUPS / self.folder)

    def validate(self, caller: Caller) -> None:
        if self.folder == BACKUPS.name or not (FILES / self.folder).is_dir():
            raise InvalidArguments(fields={"folder": f"there is no folder files/{self.folder}"})
        BACKUPS.mkdir(exist_ok=True)

    def parse_result(self, output: Output) -> dict[str, object]:
        counts = dict(
            re.findall(r"^(Number of [\w ]+): ([\d,]+)", output.stdout.decode(), re.MULTILINE)
        )
        return {
            "folder": str((BACKUPS / self.folder).relative_to(FILES)),
            "files": int(counts["Number of files"].replace(",", "")),
            "copied": int(counts["Number of regular files transferred"].replace(",", "")),
            "removed": int(counts["Number of deleted files"].replace(",", "")),
        }
