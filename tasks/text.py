"""Look into text files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import Below, CommandTask, Output, Value

FILES = (Path(__file__).parents[1] / "files").resolve()


class Count(CommandTask):
    """Count the lines, words and bytes of a file."""

    name = "text.count"
    source: Annotated[Path, Below(FILES), Field(description="A file of text")]
    command = ("wc", "--lines", "--words", "--bytes", Value("source"))

    def parse_result(self, output: Output) -> dict[str, int]:
        lines, words, size, _ = output.stdout.split(maxsplit=3)
        return {"lines": int(lines), "words": int(words), "bytes": int(size)}
