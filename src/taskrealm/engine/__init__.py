"""Where jobs run: the scheduler that orders them and the processes they become."""

from __future__ import annotations

from .processes import Exit, Process, adopt_orphans
from .programs import Program, SpawnFailed
from .scheduler import Scheduler
from .trees import sweep, sweep_blocking

__all__ = [
    "Exit",
    "Process",
    "Program",
    "Scheduler",
    "SpawnFailed",
    "adopt_orphans",
    "sweep",
    "sweep_blocking",
]
