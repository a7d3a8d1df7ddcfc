"""What a site imports to declare its tasks, and what loads them."""

from __future__ import annotations

from ..protocol.errors import InvalidArguments, NotAuthorized
from .command import Arguments, Caller, CommandTask, Output
from .errors import TaskError
from .files import Below
from .loader import load_module, load_tasks
from .parts import Flag, Glued, Option, Part, Value
from .progress import FfmpegProgress, Pattern, Percent, Progress, ProgressParser
from .registry import Registry
from .task import Task

__all__ = [
    "Arguments",
    "Below",
    "Caller",
    "CommandTask",
    "FfmpegProgress",
    "Flag",
    "Glued",
    "InvalidArguments",
    "NotAuthorized",
    "Option",
    "Output",
    "Part",
    "Pattern",
    "Percent",
    "Progress",
    "ProgressParser",
    "Registry",
    "Task",
    "TaskError",
    "Value",
    "load_module",
    "load_tasks",
]
