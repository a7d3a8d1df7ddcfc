"""Tells the audit log what is done on the node's own machine, past its procedures."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING, Any

from ..journal import AuditRecord, JournalError, record_beside
from .terminal import say

if TYPE_CHECKING:
    from ..settings import NodeFolder


def record(
    folder: NodeFolder, action: str, object: str | None = None, *, owner: str, **detail: Any
) -> None:
    """
    Record that the user of this machine has done *action* for *owner*.

    A node that never ran has no log yet. If that cannot be written, a sentence says so: what
    was done stays done.
    """
    done = AuditRecord(_user(), action, "system", owner, object, detail=detail)
    try:
        record_beside(folder.journal, done)
    except JournalError as error:
        say(f"This is not in the audit log: {error}")


def _user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
