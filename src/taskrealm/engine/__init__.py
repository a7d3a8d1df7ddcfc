"""Where jobs run: the scheduler that orders them and the processes they become."""

from __future__ import annotations

from .calls import Step
from .claims import ONE_SLOT, Claim, Reason, Usage
from .frames import Message
from .pipes import NamedPipe
from .processes import Exit, Process, adopt_orphans
from .programs import Program, SpawnFailed
from .scheduler import Scheduler
from .steps import Assignment, Work
from .threads import Threads
from .trees import COOKIE, sweep, sweep_blocking
from .workers import Wear, Workers

__all__ = [
    "COOKIE",
    "ONE_SLOT",
    "Assignment",
    "Claim",
    "Exit",
    "Message",
    "NamedPipe",
    "Process",
    "Program",
    "Reason",
    "Scheduler",
    "SpawnFailed",
    "Step",
    "Threads",
    "Usage",
    "Wear",
    "Work",
    "Workers",
    "adopt_orphans",
    "sweep",
    "sweep_blocking",
]
