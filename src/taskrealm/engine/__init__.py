"""Where jobs run: the scheduler that orders them and the processes they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calls import Step
    from .claims import ONE_SLOT, Claim, Reason, Usage
    from .frames import Message
    from .pipes import NamedPipe, NamedPipes
    from .processes import Exit, Process, adopt_orphans
    from .programs import Program, SpawnFailed
    from .scheduler import Scheduler
    from .steps import Assignment, Work
    from .threads import Threads
    from .trees import COOKIE, sweep, sweep_blocking
    from .workers import Wear, Workers
else:
    # The wrapper of a component needs two of these, and starts before everything else.
    from ..lazily import lazily

    __getattr__ = lazily(
        __name__,
        {
            ".calls": ("Step",),
            ".claims": ("ONE_SLOT", "Claim", "Reason", "Usage"),
            ".frames": ("Message",),
            ".pipes": ("NamedPipe", "NamedPipes"),
            ".processes": ("Exit", "Process", "adopt_orphans"),
            ".programs": ("Program", "SpawnFailed"),
            ".scheduler": ("Scheduler",),
            ".steps": ("Assignment", "Work"),
            ".threads": ("Threads",),
            ".trees": ("COOKIE", "sweep", "sweep_blocking"),
            ".workers": ("Wear", "Workers"),
        },
    )

__all__ = [
    "COOKIE",
    "ONE_SLOT",
    "Assignment",
    "Claim",
    "Exit",
    "Message",
    "NamedPipe",
    "NamedPipes",
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
