"""
What can go wrong with the journal.

    JournalError        it cannot be opened, read or written
    ├── JournalLocked   another process has it open
    └── WriteRefused    what was to be written breaks a promise of the journal
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RESTORE = "Restore it from a backup, or move its folder away to start with an empty journal."

REMEDIES = {
    "SQLITE_FULL": "Free some space on its disk.",
    "SQLITE_IOERR": "Look at its disk: is it full, over quota, failing?",
    "SQLITE_BUSY": "Another program holds a lock on it: end that program.",
    "SQLITE_READONLY": "Make the file and its folder writable for this user.",
    "SQLITE_CANTOPEN": "Make the file and its folder readable and writable for this user.",
    "SQLITE_CORRUPT": RESTORE,
    "SQLITE_NOTADB": RESTORE,
}


class JournalError(Exception):
    """The journal cannot be opened, read or written; the message says where and what helps."""


class JournalLocked(JournalError):
    """Another process has this journal open."""


class WriteRefused(JournalError):
    """This write breaks a promise of the journal; trying it again will not help."""


def explain(path: Path, cannot: str, error: Exception) -> JournalError:
    """The error for people that stands for *error*, met when *path* could not be *cannot*."""
    # Extended codes such as SQLITE_IOERR_WRITE begin with the name of the primary one.
    name = getattr(error, "sqlite_errorname", "")
    remedies = [f" {remedy}" for code, remedy in REMEDIES.items() if name.startswith(code)]
    return JournalError(f"{path} cannot be {cannot}: {error}.{''.join(remedies)}")
