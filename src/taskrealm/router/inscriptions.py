"""What the page of the console says of its node before anybody has signed in."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = "<title>TaskRealm</title>"
"""What stands in the page as it is built."""


def inscribed(page: str, said: Mapping[str, str]) -> str:
    """*page*, telling what is *said*, by names."""
    lines = [f"<title>{escape(said['name'])}</title>"] if "name" in said else [TITLE]
    lines += [
        f'<meta name="taskrealm-console-{name}" content="{escape(text)}">'
        for name, text in said.items()
    ]
    return page.replace(TITLE, "\n    ".join(lines), 1)
