"""Keeps clients from forging records in Crossbar's log, and their tokens out of it."""

from __future__ import annotations

import re

TOKEN = re.compile(r"tr_[\w-]{16,}|eyJ[\w-]{4,}\.[\w-]*\.?[\w-]*")
"""A token of the node or of the site, wherever somebody has put it by mistake."""


def install() -> None:
    """
    Let every record that this process logs begin a line, and nothing else.

    Crossbar repeats what clients send, line breaks and all, also of those who have not
    joined yet. This is the last thing it does with a text that a worker logs.
    """
    from crossbar import _logging

    escape = _logging.escape_formatting
    _logging.escape_formatting = lambda text: escape(one_record(text))


def one_record(text: str) -> str:
    """
    *text* without tokens, its further lines indented, control characters as escapes.

    An escape is one such as `\\x1b`.
    """
    text = TOKEN.sub("(a token)", text)
    return "\n    ".join(
        "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
        for line in text.splitlines()
    )
