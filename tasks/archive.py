"""Keep files safe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import Below, CommandTask, Output, Value

FILES = (Path(__file__).parents[1] / "files").resolve()


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
