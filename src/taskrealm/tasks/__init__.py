"""What a site imports to declare its tasks, and what loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.errors import InvalidArguments, NotAuthorized
    from .command import CommandTask, Output
    from .definition import Arguments, Caller, Definition
    from .errors import TaskError
    from .files import Below
    from .kinds import ready
    from .limits import Limits
    from .loader import load_module, load_tasks
    from .parts import Flag, Glued, Option, Part, Value
    from .program import TEXT_LIMIT, ProgramTask
    from .progress import FfmpegProgress, Pattern, Percent, Progress, ProgressParser
    from .registry import Registry
    from .retry import Retry
    from .task import Task
else:
    # Programs of jobs import `taskrealm.tasks.report`, which is quick: they must not wait a
    # tenth of a second for what only those need who declare tasks.
    from importlib import import_module

    _HOMES = {
        "..protocol.errors": ("InvalidArguments", "NotAuthorized"),
        ".command": ("CommandTask", "Output"),
        ".definition": ("Arguments", "Caller", "Definition"),
        ".errors": ("TaskError",),
        ".files": ("Below",),
        ".limits": ("Limits",),
        ".loader": ("load_module", "load_tasks"),
        ".parts": ("Flag", "Glued", "Option", "Part", "Value"),
        ".progress": ("FfmpegProgress", "Pattern", "Percent", "Progress", "ProgressParser"),
        ".registry": ("Registry",),
        ".retry": ("Retry",),
        ".program": ("TEXT_LIMIT", "ProgramTask"),
        ".kinds": ("ready",),
        ".task": ("Task",),
    }

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(module, __name__), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "TEXT_LIMIT",
    "Arguments",
    "Below",
    "Caller",
    "CommandTask",
    "Definition",
    "FfmpegProgress",
    "Flag",
    "Glued",
    "InvalidArguments",
    "Limits",
    "NotAuthorized",
    "Option",
    "Output",
    "Part",
    "Pattern",
    "Percent",
    "ProgramTask",
    "Progress",
    "ProgressParser",
    "Registry",
    "Retry",
    "Task",
    "TaskError",
    "Value",
    "load_module",
    "load_tasks",
    "ready",
]
