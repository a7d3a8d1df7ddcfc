"""Keeps clients from forging records in Crossbar's log."""

from __future__ import annotations


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
    """*text* with its further lines indented, and control characters as escapes such as `\\x1b`."""
    return "\n    ".join(
        "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
        for line in text.splitlines()
    )
