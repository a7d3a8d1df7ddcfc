"""The code on a page of the documentation, and what the page says that it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<path>[\w/]+\.\w+)\n")
ANYTHING = "…"
"""On a page this stands for any text."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page between fences."""

    kind: str
    text: str
    line: int

    @property
    def path(self) -> str | None:
        """The file that it is the content of, which its first line names; None if it is none."""
        named = FILE.match(self.text)
        return None if named is None else named["path"]


@dataclass(frozen=True, slots=True)
class Example:
    """Something that is run, and what it prints if the page says so."""

    kind: str
    code: str
    printed: str | None
    line: int


def blocks(page: Path) -> list[Block]:
    """Everything between fences on *page*, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["kind"], found["text"], text.count("\n", 0, found.start()) + 2)
        for found in BLOCK.finditer(text)
    ]


def files(page: Path) -> dict[str, str]:
    """The files that *page* shows, by path."""
    return {block.path: block.text for block in blocks(page) if block.path is not None}


def examples(page: Path) -> Iterator[Example]:
    """
    What a reader of *page* would run: Python programs, and command lines.

    The text block that follows a program is what it prints.
    """
    found = blocks(page)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.kind == "python" and block.path is None:
            printed = following.text if following is not None and following.kind == "text" else None
            yield Example("python", block.text, printed, block.line)
        elif block.kind == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield Example("console", command, output, block.line)


def fits(printed: str, promised: str) -> bool:
    """Whether *printed* is what a page has *promised*."""
    pattern = ".*".join(map(re.escape, promised.strip().split(ANYTHING)))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
