"""
What can go wrong with the journal.

    JournalError        it cannot be opened, read or written
    ├── JournalLocked   another process has it open
    └── WriteRefused    what was to be written breaks a promise of the journal
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

RESTORE = (
    "Restore it from a backup with `taskrealm restore FILE --replace`, or move its folder away"
    " to start with an empty journal."
)


class _Trouble(NamedTuple):
    """A kind of trouble: what outsiders may hear of it, and what helps."""

    cause: str
    remedy: str


# Extended codes such as SQLITE_IOERR_WRITE begin with the name of the primary one.
_TROUBLES = {
    "SQLITE_FULL": _Trouble("the disk is full", "Free some space on its disk."),
    "SQLITE_IOERR": _Trouble(
        "the disk reports errors", "Look at its disk: is it full, over quota, failing?"
    ),
    "SQLITE_BUSY": _Trouble(
        "another program holds their record",
        "Another program holds a lock on it: end that program.",
    ),
    "SQLITE_READONLY": _Trouble(
        "their record is read-only", "Make the file and its folder writable for this user."
    ),
    "SQLITE_CANTOPEN": _Trouble(
        "their record cannot be opened",
        "Make the file and its folder readable and writable for this user.",
    ),
    "SQLITE_CORRUPT": _Trouble("their record is damaged", RESTORE),
    "SQLITE_NOTADB": _Trouble("their record is damaged", RESTORE),
}

_VERBS = {"written": "recorded", "read": "looked up"}


class JournalError(Exception):
    """
    The journal cannot be opened, read or written; the message says where and what helps.

    `sentence` says as much as callers may know, who have no business with paths.
    """

    sentence = "Jobs cannot be recorded just now; try again later"


class JournalLocked(JournalError):
    """Another process has this journal open."""


class WriteRefused(JournalError):
    """This write breaks a promise of the journal; trying it again will not help."""


def explain(path: Path, cannot: str, error: Exception) -> JournalError:
    """The error for people that stands for *error*, met when *path* could not be *cannot*."""
    name = getattr(error, "sqlite_errorname", "")
    trouble = next((_TROUBLES[code] for code in _TROUBLES if name.startswith(code)), None)
    remedy = "" if trouble is None else f" {trouble.remedy}"
    explained = JournalError(f"{path} cannot be {cannot}: {error}.{remedy}")
    cause = "" if trouble is None else f": {trouble.cause}"
    explained.sentence = (
        f"Jobs cannot be {_VERBS.get(cannot, cannot)} just now{cause}; try again later"
    )
    return explained


def is_trouble(error: Exception) -> bool:
    """Whether *error* lies with the disk or the file, so that trying again later may help."""
    if isinstance(error, (OSError, MemoryError)):
        return True
    # Exactly the parent class: what SQLite finds damaged, not what a write does wrong.
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
